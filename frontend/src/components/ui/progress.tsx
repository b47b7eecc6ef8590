/** Work under way whose end is not known. */
export function Progress({ label }: { label: string }) {
  return (
    <div role="progressbar" aria-label={label} className="h-1 w-full overflow-hidden rounded-full bg-raised">
      <div className="h-full w-2/5 animate-slide rounded-full bg-busy" />
    </div>
  );
}
