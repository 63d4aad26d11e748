// Asks before a page is left whose form has changed fields. A form that was refused has them from the beginning.

const FORM = "main form[method=post]:has(.field)";
const changed = new Set(document.querySelectorAll(`${FORM}:has([data-error])`));

addEventListener("input", ({ target }) => {
  if (target.form?.matches(FORM)) changed.add(target.form);
});
addEventListener("submit", ({ target }) => changed.delete(target));
addEventListener("click", ({ target, isTrusted }) => {
  if (isTrusted && target.closest(".actions a")) changed.delete(target.closest("form")); // not by Escape
});
addEventListener("beforeunload", (event) => {
  if ([...changed].some((form) => form.isConnected)) event.preventDefault();
});
