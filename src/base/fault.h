// Faults that are put in on purpose, to see that the tests from outside find them: FAULT(NAME) is true where the fault
// is to be made. It is the constant false in everything that is shipped; the simulator alone compiles the files that
// have such places once more with QUERN_FAULTS, and says which fault is made (sim/CMakeLists.txt).
#pragma once

#include <stdbool.h>

#ifdef QUERN_FAULTS
enum fault {
  FAULT_RANGE_MISSING = 1,    // only the first range that a statement looked at is noted
  FAULT_HASH_IGNORED,         // a statement that is run again may reply anything
  FAULT_CLAIM_RELEASED_EARLY, // claims end with their statement
  FAULT_DERIVED_AS_DATA,      // rows that a statement made from what it read are applied, though that has changed
  FAULT_REPLY_EARLY,          // a reply names no log position on which it depends
  FAULT_SINK_EARLY,           // so do rows for a sink
};
bool fault_is_made(enum fault fault);
#define FAULT(NAME) fault_is_made(FAULT_##NAME)
#else
#define FAULT(NAME) false
#endif
