"""
Links to ``astro_wgan.StampSet`` lead to where it is described, ``astro_wgan.stamps.StampSet``.

Reference pages describe each name once, in its subpackage; pages and docstrings name it as users
import it.
"""

import astro_wgan


def resolve(app, env, node, contnode):
    """The link of a name of the package itself, or of an attribute of one."""
    target = node.get('reftarget', '')
    package, _, rest = target.partition('.')
    name, _, attribute = rest.partition('.')
    if node.get('refdomain') != 'py' or package != 'astro_wgan' or name not in astro_wgan.__all__:
        return None
    value = getattr(astro_wgan, name)
    subpackage = '.'.join(getattr(value, '__module__', '').split('.')[:2])
    full = '.'.join(filter(None, (subpackage, name, attribute)))
    python = env.get_domain('py')
    return python.resolve_xref(
        env, node['refdoc'], app.builder, node['reftype'], full, node, contnode
    )


def setup(app):
    app.connect('missing-reference', resolve)
    return {'parallel_read_safe': True, 'parallel_write_safe': True}
