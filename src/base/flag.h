// Flags that one thread sets and others look at now and then.
#pragma once

#include <stdbool.h>
#include <stddef.h>

static inline void flag_set(bool *flag)
{
  __atomic_store_n(flag, true, __ATOMIC_RELAXED);
}

static inline bool flag_is_set(const bool *flag) // NULL: nobody sets it
{
  return flag && __atomic_load_n(flag, __ATOMIC_RELAXED);
}
