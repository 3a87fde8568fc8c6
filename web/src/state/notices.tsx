/** Short notices that come up at the edge of the window and go away by themselves. */

import { createContext, type ReactNode, useCallback, useContext, useMemo, useRef, useState } from "react";
import { errorCode, errorText } from "../text/errorText";
import { currentText } from "../text/language";
import { Toasts } from "../ui/Toasts";

export interface Notices {
  tell(text: string): void;
  /** Words what was thrown, by its code, in the reader's language. */
  fail(error: unknown): void;
}

export interface Notice {
  readonly id: number;
  readonly text: string;
  readonly failure: boolean;
}

const NOTICES_MAX = 3;
const NoticesContext = createContext<Notices | undefined>(undefined);

export function NoticesProvider({ children }: { children: ReactNode }) {
  const [shown, setShown] = useState<readonly Notice[]>([]);
  const lastId = useRef(0);
  const remove = useCallback((id: number) => setShown((before) => before.filter((notice) => notice.id !== id)), []);

  const notices = useMemo<Notices>(() => {
    const add = (text: string, failure: boolean) => {
      lastId.current += 1;
      const notice = { id: lastId.current, text, failure };
      setShown((before) => [...before.filter((other) => other.text !== text), notice].slice(-NOTICES_MAX));
    };
    return {
      tell: (text) => add(text, false),
      fail: (error) => {
        const text = currentText();
        if (errorCode(error, text) !== "CANCELLED") add(errorText(error, text), true);
      },
    };
  }, []);

  return (
    <NoticesContext value={notices}>
      {children}
      <Toasts notices={shown} onGone={remove} />
    </NoticesContext>
  );
}

export function useNotices(): Notices {
  const notices = useContext(NoticesContext);
  if (notices === undefined) throw new Error("useNotices outside of NoticesProvider");
  return notices;
}
