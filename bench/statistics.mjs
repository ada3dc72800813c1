/** The value below which a part of `values`, from 0 to 1, lies. */
export function quantile(values, part) {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.floor((sorted.length - 1) * part)];
}

/** The middle one of `values`. */
export function median(values) {
  return quantile(values, 0.5);
}
