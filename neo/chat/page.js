// What the page does by itself. Nothing is fetched; what a button means is decided on the server.
(() => {
  // Gradio names every message by its source, so a screen reader would spell out our markup in place of its text.
  const unlabel = () => document.querySelectorAll('#neo-chat [data-testid][aria-label*="<"]')
    .forEach(message => message.removeAttribute('aria-label'));

  // Gradio calls the examples a list, though buttons are no list items.
  const regroup = () => document.querySelectorAll('#neo-chat .examples[role=list]')
    .forEach(examples => examples.setAttribute('role', 'group'));

  // Cards show what the shelf holds.
  const mark = () => {
    const held = new Set([...document.querySelectorAll('[data-held]')].map(one => one.dataset.held + one.dataset.key));
    document.querySelectorAll('.neo-card [aria-pressed]').forEach(button => {
      const pressed = String(held.has(button.dataset.do + button.dataset.key));
      if (button.getAttribute('aria-pressed') !== pressed) button.setAttribute('aria-pressed', pressed);
    });
  };

  // A part that comes in replaces its reply's HTML; what was unfolded on a card stays unfolded.
  const unfolded = new Set();
  const keyOf = details => details.closest('.neo-card').dataset.key;
  // At the click, not at the later toggle: by then the element may have been replaced.
  document.addEventListener('click', event => {
    const details = event.target.closest?.('.neo-card summary')?.parentElement;
    if (details) unfolded[details.open ? 'delete' : 'add'](keyOf(details));
  }, true);
  const unfold = () => document.querySelectorAll('.neo-card details:not([open])')
    .forEach(details => { details.open = unfolded.has(keyOf(details)); });

  let due = false;
  new MutationObserver(() => {
    if (due) return;
    due = true;
    requestAnimationFrame(() => { due = false; unlabel(); regroup(); mark(); unfold(); });
  }).observe(document, {subtree: true, childList: true, attributes: true, attributeFilter: ['aria-label']});

  window.neo = {
    // A button with data-do, or a list with data-do that was changed, becomes an event of the page.
    listen(trigger) {
      const events = {save: 'select', refuse: 'select', hear: 'input', forget: 'input', keep: 'submit'};
      const send = (target, more) => trigger(events[target.dataset.do] || 'click', {...target.dataset, ...more});
      document.addEventListener('click', event => {
        const button = event.target.closest?.('button[data-do]');
        if (button) send(button, {});
      });
      document.addEventListener('change', event => {
        const list = event.target.closest?.('select[data-do]');
        if (list) send(list, {value: list.value});
      });
    },
    focus() {
      if (matchMedia('(pointer: fine)').matches) document.querySelector('#neo-box textarea')?.focus();
    },
    async copy(text) {
      try { await navigator.clipboard.writeText(text); return; } catch { /* only https and localhost may */ }
      const area = Object.assign(document.createElement('textarea'), {value: text});
      document.body.append(area);
      area.select();
      document.execCommand('copy');
      area.remove();
    },
    save(name, text) {
      const link = document.createElement('a');
      link.href = URL.createObjectURL(new Blob([text], {type: 'text/plain;charset=utf-8'}));
      link.download = name;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    },
  };
})();
