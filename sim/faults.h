// The faults of the engine, of which one is made in all worlds of this process.
#pragma once

#include "base/fault.h"

void fault_choose(enum fault fault); // 0: none
