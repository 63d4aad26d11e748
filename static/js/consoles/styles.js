// The terminal writes rules into <style> elements and colours into style attributes, which the content security policy
// forbids. Constructed style sheets and the properties of an element's style, which it allows, do the same. Imported
// before the terminal, on the page of the serial console alone.

const createElement = Document.prototype.createElement;
Document.prototype.createElement = function (name, options) {
  if (String(name).toLowerCase() !== "style") return createElement.call(this, name, options);
  const sheet = new CSSStyleSheet();
  document.adoptedStyleSheets.push(sheet);
  const inert = createElement.call(this, "template");
  Object.defineProperty(inert, "textContent", { set: (rules) => sheet.replaceSync(rules) });
  return inert;
};

const setAttribute = Element.prototype.setAttribute;
Element.prototype.setAttribute = function (name, value) {
  if (name === "style") this.style.cssText = value;
  else setAttribute.call(this, name, value);
};
