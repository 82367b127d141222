// What the planner knows of the rows of tables: a sample of each, taken when a plan wants one and kept for others.
//
// 1. A sample is the rows at ranks that are drawn by a fixed sequence: the same tree gives the same one.
// 2. Nothing is estimated that can be tried: conditions are run on the sample, values are counted in it.
// 3. Samples are never part of a result, nor noted as read. Owner thread only.
#pragma once

#include "table/relation.h"

enum { SAMPLE_ROWS = 512, SAMPLE_WORDS = SAMPLE_ROWS / 64 };

struct statistics; // the samples that are kept

// account: what they are charged to; borrowed. NULL: out of memory.
struct statistics *statistics_open(struct memory_account *account);
void statistics_close(struct statistics *statistics);

struct sample {
  double table_rows;
  int count, column_count;
  struct value *values; // count rows of column_count values
};

// The rows that are kept of the relation's table, or new ones where it has changed much in size since; decoded into
// the arena. statistics may be NULL. NULL: out of memory, or a row cannot be read: there is no sample then.
const struct sample *sample_take(struct statistics *statistics, const struct version *version,
                                 const struct relation *relation, struct arena *arena);
// How many different combinations of values the columns have in the table, by what they have in the sample. At least 1.
// Source: Haas, Naughton, Seshadri, Stokes, "Sampling-Based Estimation of the Number of Distinct Values of an
// Attribute" (1995), the estimator "Duj1".
double sample_distinct(const struct sample *sample, const struct relation *relation, const int *columns, int count,
                       struct arena *scratch);
// The part of the table's rows for which the bits are set.
double sample_part(const struct sample *sample, const uint64_t bits[SAMPLE_WORDS]);
