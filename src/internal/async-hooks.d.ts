// The build knows the types of Workers alone, so that nothing of Node is used by mistake. This is what ./ambient uses of it.
declare module 'node:async_hooks' {
  class AsyncLocalStorage<Store> {
    run<Result>(store: Store, work: () => Result): Result;
    getStore(): Store | undefined;
  }
}
