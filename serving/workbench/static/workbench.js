// Shows that a page is on its way, from the click on a link or a form until the next page stands.
(() => {
  const busy = (on) => document.body.classList.toggle("lp-busy", on);
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[href^='/']");
    if (!link || event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
    busy(true);
  });
  document.addEventListener("submit", () => busy(true));
  window.addEventListener("pageshow", () => busy(false));
})();
