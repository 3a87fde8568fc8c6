/** One short text kept in this browser; a browser that keeps nothing is no error. */

export interface Kept {
  read(): string | undefined;
  write(value: string | undefined): void;
  /** When another tab has written it. */
  onChange(listener: () => void): () => void;
}

export function kept(key: string): Kept {
  return {
    read() {
      try {
        return localStorage.getItem(key) ?? undefined;
      } catch {
        return undefined;
      }
    },
    write(value) {
      try {
        if (value === undefined) localStorage.removeItem(key);
        else localStorage.setItem(key, value);
      } catch {
        // Private windows may refuse: then it holds until the page is closed.
      }
    },
    onChange(listener) {
      const heard = (event: StorageEvent) => {
        if (event.key === key) listener();
      };
      window.addEventListener("storage", heard);
      return () => window.removeEventListener("storage", heard);
    },
  };
}
