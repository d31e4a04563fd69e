// Light, dark, or as the system has it: a choice that stays in this browser.

const ORDER = ['auto', 'light', 'dark'];
const NAMES = { auto: 'as the system', light: 'light', dark: 'dark' };
const GLYPHS = { auto: '◐', light: '☀', dark: '☾' };
const KEY = 'switchyard-theme';

function kept() {
  try {
    const theme = localStorage.getItem(KEY);
    return ORDER.includes(theme) ? theme : 'auto';
  } catch {
    return 'auto';
  }
}

function show(button, theme) {
  document.documentElement.dataset.theme = theme;
  button.firstElementChild.textContent = GLYPHS[theme];
  button.setAttribute('aria-label', `Theme: ${NAMES[theme]}`);
  button.title = `Theme: ${NAMES[theme]}`;
}

/** Makes a button go through the themes. */
export function themed(button) {
  show(button, kept());
  button.addEventListener('click', () => {
    const next = ORDER[(ORDER.indexOf(document.documentElement.dataset.theme) + 1) % ORDER.length];
    try {
      localStorage.setItem(KEY, next);
    } catch {
      // A browser that keeps nothing has the theme until the page is closed.
    }
    show(button, next);
  });
}
