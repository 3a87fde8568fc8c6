/** The mark of Skein: one thread, laid in an S. */

export function Logo({ size = 40 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="9" fill="#2f62d4" />
      <path
        d="M23 10.5c-3-4-13-4.5-13 1 0 6.5 13 3 13 9.5 0 5-10.5 5-14 .5"
        fill="none"
        stroke="#ffffff"
        strokeWidth="3"
        strokeLinecap="round"
      />
    </svg>
  );
}
