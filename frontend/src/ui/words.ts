/** Figures in words, as people say them. */

/** "1 h 12 min", "4 min", "38 s"; "0 s" for nothing or less. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  const minutes = Math.round(whole / 60);
  if (minutes < 60) return `${minutes} min`;
  const rest = minutes % 60;
  return rest ? `${Math.floor(minutes / 60)} h ${rest} min` : `${minutes / 60} h`;
}

export function count(n: number, one: string, many = `${one}s`): string {
  return `${n.toLocaleString("en")} ${n === 1 ? one : many}`;
}

/** "62 %", to whole percents. */
export function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}
