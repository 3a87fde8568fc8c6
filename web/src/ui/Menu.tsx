/** A menu at a point or under a button, above everything else: arrow keys, first letters, Esc. */

import { type KeyboardEvent, useEffect, useLayoutEffect, useRef } from "react";
import { classNames } from "./classNames";
import { Icon, type IconName } from "./Icon";
import styles from "./Menu.module.css";
import { belowBox, besidePoint } from "./menuPlace";

export interface MenuItem {
  icon?: IconName;
  label: string;
  danger?: boolean;
  disabled?: boolean;
  onSelect: () => void;
}

export interface MenuProps {
  items: MenuItem[];
  at: { x: number; y: number } | HTMLElement;
  onClose: () => void;
}

export function Menu({ items, at, onClose }: MenuProps) {
  const box = useRef<HTMLDivElement>(null);
  const close = useRef(onClose);
  close.current = onClose;

  useLayoutEffect(() => {
    const menu = box.current;
    if (menu === null) return;
    const before = document.activeElement;
    menu.showPopover();
    const size = { width: menu.offsetWidth, height: menu.offsetHeight };
    const view = { width: window.innerWidth, height: window.innerHeight };
    const spot =
      at instanceof HTMLElement ? belowBox(at.getBoundingClientRect(), size, view) : besidePoint(at, size, view);
    menu.style.left = `${spot.x}px`;
    menu.style.top = `${spot.y}px`;
    buttonsOf(menu)[0]?.focus({ preventScroll: true });
    return () => {
      const hadFocus = menu.contains(document.activeElement);
      if (hadFocus && before instanceof HTMLElement && before.isConnected) before.focus({ preventScroll: true });
    };
  }, [at]);

  useEffect(() => {
    const outside = (event: Event) => {
      if (!(event.target instanceof Node && box.current?.contains(event.target) === true)) close.current();
    };
    const gone = () => close.current();
    document.addEventListener("pointerdown", outside, true);
    document.addEventListener("wheel", outside, { capture: true, passive: true });
    window.addEventListener("resize", gone);
    window.addEventListener("blur", gone);
    return () => {
      document.removeEventListener("pointerdown", outside, true);
      document.removeEventListener("wheel", outside, true);
      window.removeEventListener("resize", gone);
      window.removeEventListener("blur", gone);
    };
  }, []);

  const onKeyDown = (event: KeyboardEvent<HTMLDivElement>) => {
    event.stopPropagation();
    const buttons = buttonsOf(event.currentTarget);
    const here = buttons.indexOf(document.activeElement as HTMLButtonElement);
    const next = nextIndex(event.key, here, buttons);
    if (event.key === "Escape" || event.key === "Tab") onClose();
    else if (next !== undefined) buttons[next]?.focus();
    else return;
    event.preventDefault();
  };

  return (
    <div
      ref={box}
      role="menu"
      tabIndex={-1}
      popover="manual"
      className={styles.menu}
      onKeyDown={onKeyDown}
      onClick={(event) => event.stopPropagation()}
      onPointerDown={(event) => event.stopPropagation()}
      onContextMenu={(event) => {
        event.preventDefault();
        event.stopPropagation();
      }}
    >
      {items.map((item) => (
        <button
          key={item.label}
          type="button"
          role="menuitem"
          tabIndex={-1}
          disabled={item.disabled === true}
          className={classNames(styles.item, item.danger === true && styles.danger)}
          onClick={() => {
            onClose();
            item.onSelect();
          }}
        >
          {item.icon !== undefined && <Icon name={item.icon} size={18} />}
          <span>{item.label}</span>
        </button>
      ))}
    </div>
  );
}

function buttonsOf(menu: HTMLElement): HTMLButtonElement[] {
  return [...menu.querySelectorAll<HTMLButtonElement>("button:not(:disabled)")];
}

/** Where the focus goes with this key, if anywhere. */
function nextIndex(key: string, here: number, buttons: readonly HTMLElement[]): number | undefined {
  const count = buttons.length;
  if (count === 0) return undefined;
  if (key === "ArrowDown") return (here + 1) % count;
  if (key === "ArrowUp") return (here - 1 + count) % count;
  if (key === "Home") return 0;
  if (key === "End") return count - 1;
  if (key.length !== 1 || key === " ") return undefined;
  const starts = (button: HTMLElement | undefined) =>
    button?.textContent?.trim().toLocaleLowerCase().startsWith(key.toLocaleLowerCase()) === true;
  for (let step = 1; step <= count; step += 1) {
    const index = (here + step) % count;
    if (starts(buttons[index])) return index;
  }
  return undefined;
}
