"""Makes a script whose last statement differs smaller, as long as it differs in the same way."""

from judge import difference
from tree import reductions, replaced

TRIALS = 400


def replay(pair, zone, script):
    """The last statement's two answers, in fresh schemas."""
    pair.fresh(zone)
    answers = None
    for statement in script:
        answers = pair.run(statement)
    return answers


def shrink(pair, zone, script, signature):
    """(the smallest script that was found, its answers)."""
    best = replay(pair, zone, script)
    if difference(*best, script[-1]) != signature:
        return script, best  # it takes more than the script: said as it was
    trials = 0

    def holds(candidate):
        nonlocal trials, best, script
        trials += 1
        answers = replay(pair, zone, candidate)
        if difference(*answers, candidate[-1]) != signature:
            return False
        script, best = candidate, answers
        return True

    step = max(len(script) // 2, 1)
    while step and len(script) > 1:
        at = 0
        while at < len(script) - 1 and trials < TRIALS:
            if not holds(script[:at] + script[min(at + step, len(script) - 1):]):
                at += step
        step //= 2
    for index in range(len(script) - 1, -1, -1):
        again = True
        while again and trials < 3 * TRIALS:
            again = False
            for path, replacement in reductions(script[index].tree)[:200]:
                smaller = script[index].with_tree(replaced(script[index].tree, path, replacement))
                if holds(script[:index] + [smaller] + script[index + 1:]):
                    again = True
                    break
    return script, best
