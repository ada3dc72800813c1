/** Run in the page: what a person would trip over, as sentences. An expression, because it is evaluated where TypeScript is not. */
export const PAGE_AUDIT = `(() => {
  const faults = [];
  const over = document.documentElement.scrollWidth - innerWidth;
  if (over > 0) faults.push('scrolls sideways by ' + over + ' px');
  if (document.querySelectorAll('h1').length !== 1) faults.push('has not one h1');
  if (!document.title.includes('Codex')) faults.push('has no title');
  if (document.querySelector('.skip')?.hash !== '#' + document.querySelector('main')?.id) faults.push('has no way to its content');
  for (const field of document.querySelectorAll('input:not([type=hidden])')) {
    if (field.labels.length === 0) faults.push('has a field without a label: ' + field.name);
  }
  for (const each of document.querySelectorAll('a, button')) {
    if (each.textContent.trim() === '') faults.push('has a control without a name: ' + each.outerHTML);
  }
  const paper = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const channels = (colour) => {
    paper.clearRect(0, 0, 1, 1);
    paper.fillStyle = colour;
    paper.fillRect(0, 0, 1, 1);
    return [...paper.getImageData(0, 0, 1, 1).data];
  };
  const light = (colour) => {
    const [red, green, blue] = channels(colour).map((each) => (each <= 10 ? each / 3294.6 : ((each / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const groundOf = (element) => {
    for (let each = element; each !== null; each = each.parentElement) {
      const { backgroundColor } = getComputedStyle(each);
      if (channels(backgroundColor)[3] === 255) return backgroundColor;
    }
    return 'white';
  };
  for (const element of document.querySelectorAll('body *')) {
    const hasText = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim() !== '');
    if (!hasText || element.closest('noscript, script, svg, .skip') || element.getClientRects().length === 0) continue;
    const [dark, bright] = [light(getComputedStyle(element).color), light(groundOf(element))].sort((a, b) => a - b);
    const contrast = (bright + 0.05) / (dark + 0.05);
    if (contrast < 4.5) faults.push('has a contrast of ' + contrast.toFixed(2) + ': ' + element.textContent.trim().slice(0, 40));
  }
  return faults;
})()`;
