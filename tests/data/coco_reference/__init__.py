"""What published code makes of people of COCO: recorded values and the script that made them."""
