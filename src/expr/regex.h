// Regular expressions, as the functions of patterns use them; for the room expr alone. regex.c says how.
#pragma once

#include "expr/tables.h"

struct regex {
  void *code, *match, *limits, *workspace; // of PCRE2; they live in the evaluation's arena
  bool is_global;
  bool wants_extent;  // how far a match goes is not what PCRE2 says. Who only asks whether there is one may clear it
  bool wants_groups;  // set by who needs the groups' places: a match without them is an error
  bool is_shortest;   // a match goes as far as it must, instead of as it can
  bool has_reference; // to a group: no automaton can do it
  int group_count;    // beside the whole match
  size_t *places;     // of the last match: begin and end of the whole, of group 1, …; SIZE_MAX: no part in it
};

int regex_compile(struct evaluation *evaluation, struct bytes pattern, struct bytes flags, struct regex *regex);
// Is there a match that begins at the byte or behind it? Not behind the text.
int regex_find(struct evaluation *evaluation, struct regex *regex, struct bytes text, size_t from, bool *found);
// Where the search goes on behind the last match: an empty one steps over a character, behind the text at its end.
size_t regex_after(const struct regex *regex, struct bytes text);
// Where the search begins that begins at this character, from 1: behind the text, where that is.
size_t regex_from(struct bytes text, int64_t start);
// 22023 where the flags have a g.
int regex_no_global(struct evaluation *evaluation, const struct regex *regex, const char *name);
// 22023: a number that is none for the parameter.
int regex_bad_parameter(struct evaluation *evaluation, const char *name, int64_t v);
