/** The current value of an observable; the component renders again when it changes. */

import type { Observable } from "@skein/client";
import { useSyncExternalStore } from "react";

export function useObservable<T>(observable: Observable<T>): T {
  return useSyncExternalStore(observable.subscribe, () => observable.current);
}
