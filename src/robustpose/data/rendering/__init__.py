"""People drawn with numpy and OpenCV: bodies, clothes, backgrounds and the pictures of them."""
