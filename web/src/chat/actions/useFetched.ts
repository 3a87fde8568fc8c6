/** Something asked for once, when a dialog opens; a failure is told, and closes it. */

import { useEffect, useRef, useState } from "react";
import { useNotices } from "../../state/notices";

export function useFetched<T>(fetch: () => Promise<T>, onFail: () => void): T | undefined {
  const notices = useNotices();
  const [value, setValue] = useState<T>();
  const calls = useRef({ fetch, fail: (_: unknown) => {} });
  calls.current.fail = (error) => {
    notices.fail(error);
    onFail();
  };
  useEffect(() => {
    let gone = false;
    const { current } = calls;
    current.fetch().then(
      (fetched) => {
        if (!gone) setValue(fetched);
      },
      (error: unknown) => {
        if (!gone) current.fail(error);
      },
    );
    return () => {
      gone = true;
    };
  }, []);
  return value;
}
