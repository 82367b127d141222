// Parentheses where libpg_query's writer of texts leaves them out: `(a IS DISTINCT FROM b) IS TRUE` without them is
// refused, `(NOT a) IS TRUE` means something else.
#pragma once

#include "sql/parse.h"

enum { PARENTHESES_MARK = 32 };

// A packed tree of a parse: its operands that need parentheses become calls of a function of this name, which stands
// nowhere else in it. *packed is on the heap and may be replaced. False: out of memory.
bool parentheses_put(uint8_t **packed, size_t *size, char mark[PARENTHESES_MARK]);
// Takes the names of these calls out of the text; what is left are their parentheses.
void parentheses_finish(char *text, const char *mark);
