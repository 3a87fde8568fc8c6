/** Makes a chosen picture small enough to be kept in a profile: a square of a few dozen pixels as a data: URL. */

/** What the server keeps, in characters. */
const URL_CHARS_MAX = 1024;
/** The best that fits is taken, from the left: a larger picture before a finer one. */
const SIZES_PX = [64, 56, 48, 40, 32];
const QUALITIES = [0.7, 0.5, 0.35, 0.2];

/** Undefined when nothing fits. Throws when the file is not a picture. */
export async function shrinkPicture(file: Blob): Promise<string | undefined> {
  const picture = await createImageBitmap(file);
  try {
    for (const size of SIZES_PX) {
      const canvas = square(picture, size);
      for (const quality of QUALITIES) {
        const url = canvas.toDataURL("image/webp", quality);
        if (url.startsWith("data:image/webp") && url.length <= URL_CHARS_MAX) return url;
        const jpeg = canvas.toDataURL("image/jpeg", quality);
        if (jpeg.length <= URL_CHARS_MAX) return jpeg;
      }
    }
    return undefined;
  } finally {
    picture.close();
  }
}

/** The middle of the picture. */
function square(picture: ImageBitmap, size: number): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  canvas.width = size;
  canvas.height = size;
  const context = canvas.getContext("2d");
  if (context === null) throw new Error("no canvas");
  const side = Math.min(picture.width, picture.height);
  const left = (picture.width - side) / 2;
  const top = (picture.height - side) / 2;
  context.imageSmoothingQuality = "high";
  context.fillStyle = "#ffffff";
  context.fillRect(0, 0, size, size);
  context.drawImage(picture, left, top, side, side, 0, 0, size, size);
  return canvas;
}
