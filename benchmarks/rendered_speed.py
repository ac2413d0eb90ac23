"""How many rendered people a second one core samples and draws.

Run: `python benchmarks/rendered_speed.py [people] [pixels ...]`. Prints, for each size, images a
second of CPU time, and the milliseconds that the scene (joints, visibility) and the drawing take.
"""

import sys
import time

import cv2

from robustpose.data.rendered import rendered_people


def measure(people: int, pixels: int) -> str:
    """Return one line of figures for pictures with `pixels` rows and columns."""
    split = rendered_people("test", count=people + 1, pixels=pixels)
    split[people].photo.read()  # makes the textures, once for a process
    start = time.process_time()
    persons = [split[index] for index in range(people)]
    sampled = time.process_time()
    for person in persons:
        person.photo.read()
    drawn = time.process_time()
    scene, drawing = 1000 * (sampled - start) / people, 1000 * (drawn - sampled) / people
    rate = people / (drawn - start)
    return f"{pixels} px: {rate:.0f} images/s (scene {scene:.2f} ms, drawing {drawing:.2f} ms)"


def main() -> None:
    """Measure the sizes on the command line, or 128, 160 and 256 pixels."""
    people, *sizes = [int(argument) for argument in sys.argv[1:]] or [300]
    cv2.setNumThreads(1)
    for pixels in sizes or (128, 160, 256):
        print(measure(people, pixels))


if __name__ == "__main__":
    main()
