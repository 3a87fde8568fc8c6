/** Tells when a finger rests on an element: what the right button does with a mouse. */

import { type MouseEvent, type PointerEvent, useRef } from "react";

const HOLD_MS = 480;
const SLIP_PX = 10;

/** Spread the handlers on the element. The click that ends a long press is swallowed. */
export function useLongPress(onLongPress: (at: { x: number; y: number }) => void) {
  const press = useRef({ timer: 0, x: 0, y: 0, fired: false });

  const stop = () => clearTimeout(press.current.timer);

  return {
    onPointerDown(event: PointerEvent) {
      stop();
      press.current.fired = false;
      if (event.pointerType === "mouse") return;
      const { clientX: x, clientY: y } = event;
      const timer = window.setTimeout(() => {
        press.current.fired = true;
        onLongPress({ x, y });
      }, HOLD_MS);
      press.current = { timer, x, y, fired: false };
    },
    onPointerMove(event: PointerEvent) {
      const { x, y } = press.current;
      if (Math.hypot(event.clientX - x, event.clientY - y) > SLIP_PX) stop();
    },
    onPointerUp: stop,
    onPointerCancel: stop,
    onClickCapture(event: MouseEvent) {
      if (!press.current.fired) return;
      press.current.fired = false;
      event.preventDefault();
      event.stopPropagation();
    },
  };
}
