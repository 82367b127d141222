// Which fault of base/fault.h is made: chosen once, before the first world.
#include "sim/faults.h"

static enum fault chosen;

void fault_choose(enum fault fault)
{
  chosen = fault;
}

bool fault_is_made(enum fault fault)
{
  return fault == chosen;
}
