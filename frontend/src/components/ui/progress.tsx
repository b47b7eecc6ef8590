import { Progress as Primitive } from "radix-ui";

/** Work under way whose end is not known. */
export function Progress({ label }: { label: string }) {
  return (
    <Primitive.Root value={null} aria-label={label} className="h-1 w-full overflow-hidden rounded-full bg-raised">
      <Primitive.Indicator className="block h-full w-2/5 animate-slide rounded-full bg-busy" />
    </Primitive.Root>
  );
}
