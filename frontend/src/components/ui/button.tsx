import { type ComponentProps, cloneElement, isValidElement } from "react";
import { cn } from "@/lib/cn";

const looks = {
  primary: "bg-button text-button-ink hover:bg-button-over",
  secondary: "border border-line-strong bg-transparent text-ink hover:bg-raised",
  danger: "border border-bad bg-bad-ground text-bad hover:bg-bad hover:text-card",
  ghost: "text-ink-soft hover:bg-raised hover:text-ink",
};

const sizes = {
  md: "h-10 px-4 text-sm",
  icon: "size-10",
};

type Props = ComponentProps<"button"> & {
  look?: keyof typeof looks;
  size?: keyof typeof sizes;
  /** Gives the looks to the child (a link) instead of making a button. */
  asChild?: boolean;
};

/** A button, or a link that looks like one. */
export function Button({ look = "secondary", size = "md", asChild, className, children, ...props }: Props) {
  const classes = cn(
    "inline-flex shrink-0 cursor-pointer items-center justify-center gap-2 whitespace-nowrap rounded-lg font-semibold transition-colors",
    "disabled:cursor-not-allowed disabled:border-line disabled:bg-raised disabled:text-ink-soft",
    "aria-disabled:cursor-not-allowed aria-disabled:border-line aria-disabled:bg-raised aria-disabled:text-ink-soft",
    looks[look],
    sizes[size],
    className,
  );
  if (asChild && isValidElement<ComponentProps<"a">>(children)) {
    return cloneElement(children, { className: cn(classes, children.props.className) });
  }
  return (
    <button type="button" className={classes} {...props}>
      {children}
    </button>
  );
}
