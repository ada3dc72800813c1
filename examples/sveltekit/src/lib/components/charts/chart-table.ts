/** The figures of a chart; the first cell of a row is its heading. */
export interface ChartTable {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}
