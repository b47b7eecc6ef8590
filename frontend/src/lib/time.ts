const minute = 60;
const hour = 60 * minute;
const day = 24 * hour;

/** A countdown: `4:05`, from an hour on `1:04:05`, from a day on `2 d 4:05:06`. Negative counts as nothing. */
export function formatClock(seconds: number): string {
  const left = Math.max(0, Math.ceil(seconds));
  const two = (n: number) => String(n).padStart(2, "0");
  const days = Math.floor(left / day);
  const hours = Math.floor((left % day) / hour);
  const minutes = Math.floor((left % hour) / minute);
  const rest = two(left % minute);
  if (days > 0) return `${days} d ${hours}:${two(minutes)}:${rest}`;
  if (hours > 0) return `${hours}:${two(minutes)}:${rest}`;
  return `${minutes}:${rest}`;
}

/** A length of time for people, rounded to what matters: `45 s`, `30 min`, `1 h`, `1 h 30 min`, `2 d 4 h`. */
export function formatSpan(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 2 * minute && whole % minute !== 0) return `${whole} s`;
  const minutes = Math.round(whole / minute);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
  return hours % 24 === 0 ? `${Math.floor(hours / 24)} d` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** The same for a screen reader's or a machine's `datetime` attribute: an ISO 8601 duration. */
export function isoDuration(seconds: number): string {
  return `PT${Math.max(0, Math.ceil(seconds))}S`;
}

/** A moment of the day in the viewer's own time zone, to the minute: `16:52`. */
export function formatHour(time: number): string {
  const at = new Date(Math.round(time / 1000) * 1000);
  return `${String(at.getHours()).padStart(2, "0")}:${String(at.getMinutes()).padStart(2, "0")}`;
}
