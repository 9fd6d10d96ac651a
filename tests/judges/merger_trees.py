"""
Mergers, sequences and isolated galaxies, galaxy by galaxy in plain Python.

An independent judge of `astro_wgan.mergers`: dictionaries and recursion, straight from the words of
the definitions, without a look at how the package does it. The benchmark times it as a peer.
"""

import math
import sys


class Tree:
    """The rows of a table as dictionaries by id."""

    def __init__(self, table):
        sys.setrecursionlimit(100_000)
        names = table.colnames
        columns = {name: table[name] for name in names}
        columns = {n: getattr(c, 'value', c) for n, c in columns.items()}
        columns = {n: c.tolist() for n, c in columns.items()}
        links = {}
        self.galaxies = {}
        for values in zip(*columns.values(), strict=True):
            row = dict(zip(columns, values, strict=True))
            links.setdefault(row['id'], []).append(row)
        for galaxy, rows in links.items():
            rows.sort(key=lambda row: -_known(row.get('mass_contributed', 0)))
            self.galaxies[galaxy] = rows[0]
        self.others = {g: [r['descendant_id'] for r in rows[1:]] for g, rows in links.items()}
        self.proper = {galaxy: [] for galaxy in links}
        self.all = {galaxy: [] for galaxy in links}
        for galaxy, rows in links.items():
            for i, row in enumerate(rows):
                if row['descendant_id'] >= 0:
                    self.all[row['descendant_id']].append(galaxy)
                    if i == 0:
                        self.proper[row['descendant_id']].append(galaxy)
        snapshots = sorted({row['snapshot'] for row in self.galaxies.values()})
        self.step = {snapshot: i for i, snapshot in enumerate(snapshots)}
        self.mains, self.pasts = {}, {}
        for galaxy in sorted(links, key=self.at):
            self.mains[galaxy] = self._main(galaxy)
            self.pasts[galaxy] = self._past(galaxy)

    def _main(self, galaxy):
        candidates = self.proper[galaxy]
        if not candidates:
            return None
        if 'mass_contributed' in self.galaxies[galaxy]:
            weight = {g: _known(self.galaxies[g]['mass_contributed']) for g in candidates}
        else:
            weight = {g: self._weight(g) for g in candidates}
        return min(candidates, key=lambda g: (-weight[g], g))

    def _past(self, galaxy):
        """Masses of the main branch up to here, each with the snapshots that it lasts."""
        before = self.mains[galaxy]
        past = [] if before is None else list(self.pasts[before])
        after = self.next(galaxy)
        steps = 1 if after is None else self.at(after) - self.at(galaxy)
        return [*past, (self.mass(galaxy), steps)]

    def _weight(self, galaxy):
        known = [mass * steps for mass, steps in self.pasts[galaxy] if not math.isnan(mass)]
        return math.fsum(known) if known else -1.0

    def at(self, galaxy):
        return self.step[self.galaxies[galaxy]['snapshot']]

    def mass(self, galaxy):
        return self.galaxies[galaxy]['stellar_mass']

    def time(self, galaxy):
        return self.galaxies[galaxy]['time']

    def next(self, galaxy):
        found = self.galaxies[galaxy]['descendant_id']
        return found if found >= 0 else None

    def history(self, galaxy):
        """The galaxy and its main progenitors, by step; backwards."""
        before = self.mains[galaxy]
        rest = self.history(before) if before is not None else {}
        return {self.at(galaxy): galaxy, **rest}

    def future(self, galaxy):
        """The galaxy and what it is the main progenitor of, by step."""
        after = self.next(galaxy)
        rest = self.future(after) if after is not None and self.mains[after] == galaxy else {}
        return {self.at(galaxy): galaxy, **rest}


def mergers(tree, *, min_ratio=0.1, approach_radii=4.0, mass_at='last', box=None):
    """A dictionary of (galaxy, companion) with mass ratio, steps, approach and remnant."""
    found = {}
    for galaxy, candidates in tree.proper.items():
        main = tree.mains[galaxy]
        for companion in candidates:
            if companion == main:
                continue
            alike = _merger_ratio(tree, main, companion, mass_at)
            if math.isnan(alike) or (alike >= min_ratio and alike > 0):
                steps, approach = _approach(tree, galaxy, main, companion, approach_radii, box)
                if math.isnan(alike):
                    steps, approach = 0, 'mass unknown'
                remnant = _remnant(tree, galaxy, steps)
                found[galaxy, companion] = (alike, steps, approach, remnant)
    return found


def sequences(tree, *, box=None, **options):
    """A set of (galaxy at t = 0, its companion, main galaxy, companion, step, separation)."""
    rows = {}
    for (merged, last), (_, steps, _, _) in mergers(tree, box=box, **options).items():
        if not steps:
            continue
        main = {**tree.history(merged), **tree.future(merged)}
        other = tree.history(last)
        for step in range(-steps, steps + 1):
            galaxy = main.get(tree.at(merged) + step)
            companion = other.get(tree.at(merged) + step) if step < 0 else None
            if galaxy is not None:
                away = math.nan
                if companion is not None:
                    away = _separation(tree, galaxy, companion, box)
                rows[merged, last, step] = (galaxy, companion, step / steps, away)
    return rows


def isolated(tree, span, ratio=0.0):
    """The set of galaxies with one progenitor and one descendant only over the span."""
    return {
        galaxy
        for galaxy in tree.galaxies
        if _quiet_past(tree, galaxy, tree.time(galaxy) - span, ratio)
        and _quiet_future(tree, galaxy, tree.time(galaxy) + span, ratio)
    }


def lost_and_found(tree, within, box=None):
    """A list of (galaxy when last seen, the same when seen again, snapshots between)."""
    pairs = []
    for lost, row in tree.galaxies.items():
        joined = tree.next(lost)
        if not within or joined is None or not _may_be_lost(tree, lost, joined):
            continue
        if not row['stellar_mass'] > 0:
            continue
        for again in tree.galaxies:
            missing = tree.at(again) - tree.at(lost) - 1
            if tree.proper[again] or not 0 <= missing <= within or not tree.mass(again) > 0:
                continue
            host = joined
            while host is not None and tree.at(host) < tree.at(again):
                host = tree.next(host)
            change = abs(math.log(tree.mass(again) / row['stellar_mass']))
            if host is None or change > math.log(3):
                continue
            radius = tree.galaxies[host]['half_light_radius']
            reach = 20 * radius if radius > 0 else 100
            apart = _separation(tree, host, again, box)
            if apart <= reach and not math.isnan(_separation(tree, lost, again, box)):
                pairs.append((missing, change, lost, again))
    kept, taken = [], set()
    for missing, _, lost, again in sorted(pairs):
        if ('lost', lost) not in taken and ('found', again) not in taken:
            taken |= {('lost', lost), ('found', again)}
            kept.append((lost, again, missing))
    return kept


def _may_be_lost(tree, lost, joined):
    if tree.mains[joined] != lost:
        return True
    others = [tree.mass(g) for g in tree.proper[joined] if g != lost and tree.mass(g) > 0]
    masses = [tree.mass(lost), tree.mass(joined)]
    if not others or not all(mass > 0 for mass in masses):
        return False
    changes = [abs(math.log(tree.mass(joined) / mass)) for mass in (max(others), masses[0])]
    return changes[0] < changes[1]


def _quiet_past(tree, galaxy, since, ratio):
    if tree.time(galaxy) <= since + 1e-7:
        return True
    main = tree.mains[galaxy]
    if main is None or _companions(tree, galaxy, ratio) > 0:
        return False
    return _quiet_past(tree, main, since, ratio)


def _quiet_future(tree, galaxy, until, ratio):
    after = tree.next(galaxy)
    if after is None:
        return tree.time(galaxy) >= until - 1e-7
    if tree.time(galaxy) >= until - 1e-7:
        return True
    alone = tree.mains[after] == galaxy and _companions(tree, after, ratio) == 0
    alone = alone and not any(_counts(tree, galaxy, g, ratio) for g in tree.others[galaxy])
    if not alone:
        return tree.time(after) > until + 1e-7
    return _quiet_future(tree, after, until, ratio)


def _companions(tree, galaxy, ratio):
    main = tree.mains[galaxy]
    return sum(_counts(tree, g, galaxy, ratio) for g in tree.all[galaxy] if g != main)


def _counts(tree, donor, recipient, ratio):
    if recipient < 0:
        return False
    main = tree.mains[recipient]
    alike = math.nan if main is None else _alike(tree.mass(donor), tree.mass(main))
    return math.isnan(alike) or alike >= ratio


def _merger_ratio(tree, main, companion, mass_at):
    if mass_at == 'last':
        return _alike(tree.mass(companion), tree.mass(main))
    past = tree.history(companion)
    # Of equal masses the earliest.
    when = max(past, key=lambda step: (_known(tree.mass(past[step])), -step))
    mains = tree.history(main)
    later = [step for step in mains if step >= when]
    same_time = mains[min(later)] if later else main
    return _alike(tree.mass(past[when]), tree.mass(same_time))


def _approach(tree, galaxy, main, companion, radii, box):
    mains, others = tree.history(main), tree.history(companion)
    measured = False
    for steps in range(1, tree.at(galaxy) + 1):
        now = tree.at(galaxy) - steps
        if now in mains and now in others:
            away = _separation(tree, mains[now], others[now], box)
            radius = tree.galaxies[mains[now]]['half_light_radius']
            if radius > 0 and not math.isnan(away):
                measured = True
                if away >= radii * radius:
                    return steps, 'complete'
        if now <= min(mains) or now <= min(others):
            break
    return 0, 'starts near' if measured else 'separation unknown'


def _remnant(tree, galaxy, steps):
    if not steps:
        return 'not followed'
    future = tree.future(galaxy)
    if max(future) >= tree.at(galaxy) + steps:
        return 'complete'
    return 'ends early' if tree.next(future[max(future)]) is None else 'absorbed'


def _separation(tree, one, other, box):
    square = 0.0
    places = (tree.galaxies[one]['position'], tree.galaxies[other]['position'])
    for a, b in zip(*places, strict=True):
        apart = abs(a - b)
        if box is not None:
            apart = min(apart % box, box - apart % box)
        square += apart**2
    return math.sqrt(square)


def _alike(one, other):
    if math.isnan(one) or math.isnan(other):
        return math.nan
    return 0.0 if max(one, other) == 0 else min(one, other) / max(one, other)


def _known(mass):
    return -1.0 if math.isnan(mass) else mass
