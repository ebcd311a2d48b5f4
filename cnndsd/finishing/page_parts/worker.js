// ---- in the worker: a recipe comes in, its samples go out

if (typeof document === "undefined") {
  onmessage = ({ data: { job, recipe } }) => {
    let last = performance.now();
    const samples = render(recipe, (share) => {
      if (performance.now() - last < 100) return;
      last = performance.now();
      postMessage({ job, share });
    });
    postMessage({ job, samples }, [samples.buffer]);
  };
}
