// One allocation of a program is refused. The programs of tests that are named `allocation` have their own malloc and its
// kin wrapped by the linker (CMakeLists.txt).
#pragma once

#include <stdint.h>

// Counts allocations from here on, on all threads, and refuses the one with this number. 0: none.
void refuse_begin(uint64_t which);
// Counts no more, and refuses nothing. Returns how many there were.
uint64_t refuse_end(void);
// Between the two: what the test itself does is not counted.
void refuse_pause(void);
void refuse_go_on(void);

// The program's main: run is the scenario, which returns how many allocations it made. Without arguments some `runs` of it are
// made, spread over all allocations; with `all` each is refused in its turn, with a number that one.
int refuse_main(int count, char **arguments, uint64_t (*run)(uint64_t which), uint64_t runs);
