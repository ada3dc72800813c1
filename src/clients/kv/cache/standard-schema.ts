/**
 * The part of Standard Schema 1 that the cache calls; zod 4, valibot and arktype schemas are assignable to it.
 * https://standardschema.dev
 */
export interface StandardSchema<Output = unknown> {
  /** By the standard. */
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    /** Checks a value that was read. */
    readonly validate: (value: unknown) => StandardResult<Output> | Promise<StandardResult<Output>>;
    readonly types?: { readonly input: unknown; readonly output: Output } | undefined;
  };
}

/** What a schema answers: a value, or issues. */
export type StandardResult<Output> =
  { readonly value: Output; readonly issues?: undefined } | { readonly issues: readonly unknown[] };
