"""``.. survey-layouts::``: a table of the layouts of surveys and their documents."""

from sphinx.util.docutils import SphinxDirective

from astro_wgan.images import get_layout, layout_names
from astro_wgan.images.layouts.layout import ROLES

_KINDS = {
    'mask': 'mask',
    'weight': 'weight',
    'uncertainty': 'standard deviation',
    'variance': 'variance',
    'inverse_variance': 'inverse variance',
}


class SurveyLayouts(SphinxDirective):
    """The directive; see the head of the module."""

    def run(self):
        return self.parse_text_to_nodes(layout_table())


def layout_table():
    """The table in reStructuredText."""
    lines = ['.. list-table::', '   :header-rows: 1', '   :widths: 15 25 30 20 10', '']
    lines += _row('Layout', 'Recognized by', 'Accompanied by', 'Bad bits', 'Zero point, unit')
    layouts = [get_layout(name) for name in layout_names() if name not in ('general', 'none')]
    for layout in layouts:
        lines += _row(
            f'``{layout.name}``, {layout.title}',
            _recognized_by(layout),
            _companions(layout),
            _bits(layout),
            _zero_point(layout),
        )
    lines += ['', 'They follow these documents:', '']
    sources = {}
    for layout in layouts:
        sources.setdefault(layout.source, []).append(f'``{layout.name}``')
    lines += [f'* {", ".join(names)}: {source}' for source, names in sources.items()]
    return '\n'.join(lines)


def _row(*cells):
    first, *others = cells
    return [f'   * - {first}', *(f'     - {cell}'.rstrip() for cell in others)]


def _recognized_by(layout):
    parts = [_card(key, values) for key, values in layout.cards.items()]
    if layout.hdus:
        parts.append('extensions ' + ', '.join(f'``{name}``' for name in layout.hdus))
    names = ', '.join(f'``{name}``' for name in layout.files)
    if layout.by_name or not parts:
        return f'{", ".join(parts)}; or {names}' if parts else names
    return ', '.join(parts)


def _card(key, values):
    if any(not value.strip('*?') for value in values):
        return f'``{key}``'
    return f'``{key}`` {" or ".join(f"``{value}``" for value in values)}'


def _companions(layout):
    """What the layout states differently from common names of extensions."""
    general = get_layout('general')
    parts = []
    for role in ROLES:
        own = getattr(layout, role)
        if own is not None and own != getattr(general, role):
            parts.append(f'{_KINDS[role]}: {" or ".join(f"``{name}``" for name in own)}')
    if parts:
        return '; '.join(parts)
    is_alone = all(getattr(layout, role) is None for role in ROLES)
    return 'nothing' if is_alone else 'extensions with common names'


def _bits(layout):
    bits = layout.bits
    if bits is None or layout.mask is None:
        return ''
    if isinstance(bits, tuple):
        return ', '.join(f'``{name}``' if '{' in name else name for name in bits)
    if bits == -1:
        return 'all'
    if bits < 0:
        return f'all but {_values(~bits)}'
    return _values(bits)


def _values(bits):
    return ', '.join(str(1 << k) for k in range(bits.bit_length()) if bits >> k & 1)


def _zero_point(layout):
    zero_point = layout.zero_point
    parts = []
    if isinstance(zero_point, tuple):
        places = (f'``{each}``' if isinstance(each, str) else f'{each:g}' for each in zero_point)
        parts.append(' or '.join(places))
    elif zero_point is not None:
        parts.append(f'{zero_point:g}')
    if parts and layout.per_second:
        parts[0] += ' of counts per second'
    return ', '.join([*parts, *([layout.unit] if layout.unit else [])])


def setup(app):
    app.add_directive('survey-layouts', SurveyLayouts)
    return {'parallel_read_safe': True, 'parallel_write_safe': True}
