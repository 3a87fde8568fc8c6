/** Where a menu goes, so that all of it stays in the window. */

export interface Spot {
  readonly x: number;
  readonly y: number;
}

interface Size {
  readonly width: number;
  readonly height: number;
}

const MARGIN = 8;

/** Beside a point: right and below, else left and above. */
export function besidePoint(point: Spot, menu: Size, view: Size): Spot {
  const x = point.x + menu.width + MARGIN > view.width ? point.x - menu.width : point.x;
  const y = point.y + menu.height + MARGIN > view.height ? point.y - menu.height : point.y;
  return inside({ x, y }, menu, view);
}

/** Below an element, its end edges in line when there is more room that way; above when it does not fit below. */
export function belowBox(
  box: { left: number; right: number; top: number; bottom: number },
  menu: Size,
  view: Size,
): Spot {
  const x = box.left + menu.width + MARGIN > view.width ? box.right - menu.width : box.left;
  const fitsBelow = box.bottom + 4 + menu.height + MARGIN <= view.height;
  const y = fitsBelow ? box.bottom + 4 : box.top - 4 - menu.height;
  return inside({ x, y }, menu, view);
}

function inside(spot: Spot, menu: Size, view: Size): Spot {
  return {
    x: Math.max(MARGIN, Math.min(spot.x, view.width - menu.width - MARGIN)),
    y: Math.max(MARGIN, Math.min(spot.y, view.height - menu.height - MARGIN)),
  };
}
