/** Whether somebody looks at the page: it is visible, and has the focus. */

import { useSyncExternalStore } from "react";

function subscribe(listener: () => void): () => void {
  document.addEventListener("visibilitychange", listener);
  window.addEventListener("focus", listener);
  window.addEventListener("blur", listener);
  return () => {
    document.removeEventListener("visibilitychange", listener);
    window.removeEventListener("focus", listener);
    window.removeEventListener("blur", listener);
  };
}

export function isAttentive(): boolean {
  return document.visibilityState === "visible" && document.hasFocus();
}

export function useAttentive(): boolean {
  return useSyncExternalStore(subscribe, isAttentive);
}
