// After a new sign-in the token that forms carry is another one; the cookie has it.

export function token() {
  return document.cookie.match(/(?:^|; )csrftoken=([^;]+)/)?.[1];
}
addEventListener("submit", ({ target }) => {
  const field = target.querySelector?.("input[name=csrfmiddlewaretoken]");
  if (field && token()) field.value = token();
}, true);
addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
  if (!token()) return;
  ctx.request.headers["X-CSRFToken"] = token();
  if (ctx.request.body?.has("csrfmiddlewaretoken")) ctx.request.body.set("csrfmiddlewaretoken", token());
});
