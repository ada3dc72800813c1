/** The value below which a part of `values`, from 0 to 1, lies. */
export function quantile(values, part) {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.floor((sorted.length - 1) * part)];
}

/** The middle one of `values`. */
export function median(values) {
  return quantile(values, 0.5);
}

/** The mean of `values`. */
export function mean(values) {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** The same things in a random order. */
export function shuffled(things) {
  const rest = [...things];
  return things.map(() => rest.splice(Math.floor(Math.random() * rest.length), 1)[0]);
}
