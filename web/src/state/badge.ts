/** The count of unread messages on the icon of the page. */

const SIZE = 64;

export function showBadge(unread: number): void {
  const link = document.querySelector<HTMLLinkElement>('link[rel="icon"]');
  if (link === null) return;
  const drawn = unread === 0 ? undefined : draw(unread > 99 ? "99+" : String(unread));
  link.type = drawn === undefined ? "image/svg+xml" : "image/png";
  link.href = drawn ?? "/favicon.svg";
}

/** The mark of Skein with a red disc, as a data: URL. */
function draw(count: string): string | undefined {
  const canvas = document.createElement("canvas");
  canvas.width = SIZE;
  canvas.height = SIZE;
  const context = canvas.getContext("2d");
  if (context === null) return undefined;
  context.scale(SIZE / 32, SIZE / 32);
  context.fillStyle = "#2f62d4";
  context.beginPath();
  context.roundRect(0, 0, 32, 32, 9);
  context.fill();
  context.strokeStyle = "#ffffff";
  context.lineWidth = 3;
  context.lineCap = "round";
  context.stroke(new Path2D("M23 10.5c-3-4-13-4.5-13 1 0 6.5 13 3 13 9.5 0 5-10.5 5-14 .5"));
  const width = count.length === 1 ? 17 : count.length === 2 ? 21 : 26;
  context.fillStyle = "#d22f2f";
  context.beginPath();
  context.roundRect(32 - width, 15, width, 17, 8.5);
  context.fill();
  context.fillStyle = "#ffffff";
  context.font = `bold ${count.length > 2 ? 12 : 14}px system-ui, sans-serif`;
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.fillText(count, 32 - width / 2, 24);
  return canvas.toDataURL("image/png");
}
