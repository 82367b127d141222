// Assertions about what a programmer promised. They stay in release builds.
// Nothing that comes from outside (SQL, bytes, files, clocks) may reach one: that gets an error.
#pragma once

#define CHECK(condition)                                                                            \
  ((condition) ? (void)0 : check_failed(#condition, __FILE__, __LINE__))

// Prints the broken promise to standard error and aborts the process.
_Noreturn void check_failed(const char *condition, const char *file, int line);
