// Which function or aggregate is meant: PostgreSQL's rules for overloaded names (manual, 10.2, 10.3, 10.5).
//
// Candidates are all of the name whose arguments the given ones can become implicitly. Then, each step only
// if more than one is left: most exact matches; most exact or preferred types; for literals of unknown type the
// category that the candidates agree on (strings win), its preferred type; at last the type of the known arguments.
#include <stdio.h>

#include "expr/tables.h"

enum { CANDIDATES_MAX = 256, GIVEN_MAX = 100 };

struct candidate {
  const enum type_id *arguments;
  int fixed; // from there on the arguments are all of arguments[fixed]
  const void *row;
};

struct candidates {
  struct candidate at[CANDIDATES_MAX];
  int count;
};

static char category_of(enum type_id type)
{
  return type_is_pseudo(type) ? 'P' : type == TYPE_UNKNOWN ? 'X' : type_info(type)->category;
}

static bool is_preferred(enum type_id type) { return !type_is_pseudo(type) && type_info(type)->preferred; }

bool type_can_become(enum type_id from, enum type_id to)
{
  const struct function *function;
  if (from == to || from == TYPE_UNKNOWN || to == TYPE_ANY)
    return true;
  if (to == TYPE_ANY_ENUM)
    return type_is_enum(from);
  if (to > TYPE_ANY && type_is_pseudo(to))
    return to == TYPE_ANY_ELEMENT || to == TYPE_LIKE_ELEMENT || type_is_array(from) == (to != TYPE_ANY_NONARRAY);
  return cast_find(from, to, CAST_IMPLICIT, &function);
}

// ---- what stands for several types ----

struct meanings {
  enum type_id any, like; // the elements' types; TYPE_UNKNOWN: nothing tells
  bool is_enum;           // any must be known, and an enum
  bool makes_array;       // a literal of no type stands for an array of them
};

// The common one of two types where the other can become it. False: there is none.
static bool merge_types(enum type_id *common, enum type_id other)
{
  if (*common == TYPE_UNKNOWN || *common == other)
    *common = other;
  else if (category_of(*common) != category_of(other))
    return false;
  else if (!is_preferred(*common) && type_can_become(*common, other) && !type_can_become(other, *common))
    *common = other;
  return true;
}

// What the pseudo-types mean in a call. False: it cannot be one of these arguments.
static bool find_meanings(const enum type_id *arguments, int fixed, const enum type_id *given, int count,
                          struct meanings *meanings)
{
  *meanings = (struct meanings){.any = TYPE_UNKNOWN, .like = TYPE_UNKNOWN};
  for (int i = 0; i < count; i++) {
    enum type_id type = arguments[i < fixed ? i : fixed], own = given[i];
    bool is_array = type == TYPE_ANY_ARRAY || type == TYPE_LIKE_ARRAY;
    meanings->makes_array |= is_array;
    meanings->is_enum |= type == TYPE_ANY_ENUM;
    if (type <= TYPE_ANY_NONARRAY || !type_is_pseudo(type) || own == TYPE_UNKNOWN)
      continue;
    if (is_array)
      own = type_element(own);
    bool is_like = type == TYPE_LIKE_ARRAY || type == TYPE_LIKE_ELEMENT;
    if (!is_like && meanings->any != TYPE_UNKNOWN && meanings->any != own)
      return false;
    if (is_like && !merge_types(&meanings->like, own))
      return false;
    if (!is_like)
      meanings->any = own;
  }
  for (int i = 0; i < count; i++) {
    enum type_id type = arguments[i < fixed ? i : fixed];
    if (type == TYPE_LIKE_ELEMENT && !type_can_become(given[i], meanings->like))
      return false;
    if (type == TYPE_LIKE_ARRAY && given[i] != TYPE_UNKNOWN && !type_can_become(type_element(given[i]), meanings->like))
      return false;
  }
  if (meanings->is_enum && !type_is_enum(meanings->any))
    return false;
  bool any_fails = meanings->any != TYPE_UNKNOWN && type_array(meanings->any) == TYPE_COUNT;
  bool like_fails = meanings->like != TYPE_UNKNOWN && type_array(meanings->like) == TYPE_COUNT;
  return !meanings->makes_array || (!any_fails && !like_fails);
}

static enum type_id candidate_type(const struct candidate *candidate, int i)
{
  return candidate->arguments[i < candidate->fixed ? i : candidate->fixed];
}

static bool candidate_fits(const struct candidate *candidate, const enum type_id *given, int count)
{
  for (int i = 0; i < count; i++)
    if (!type_can_become(given[i], candidate_type(candidate, i)))
      return false;
  struct meanings meanings;
  return find_meanings(candidate->arguments, candidate->fixed, given, count, &meanings);
}

static bool candidate_is_exact(const struct candidate *candidate, const enum type_id *given, int count)
{
  for (int i = 0; i < count; i++)
    if (given[i] != candidate_type(candidate, i))
      return false;
  return true;
}

// Keeps the candidates with the highest score.
static void keep_best(struct candidates *candidates, const enum type_id *given, int count, bool preferred_too)
{
  int best = -1, kept = 0;
  for (int c = 0; c < candidates->count; c++) {
    int score = 0;
    for (int i = 0; i < count; i++) {
      enum type_id type = candidate_type(&candidates->at[c], i);
      if (given[i] == TYPE_UNKNOWN)
        continue;
      score += type == given[i] || (preferred_too && !type_is_pseudo(type) && category_of(type) == category_of(given[i]) &&
                                    is_preferred(type));
    }
    if (score > best) {
      best = score;
      kept = 0;
    }
    if (score == best)
      candidates->at[kept++] = candidates->at[c];
  }
  candidates->count = kept;
}

// The category that the candidates want where a literal stands. False: they do not agree.
static bool slot_category(const struct candidates *candidates, int slot, char *category, bool *preferred)
{
  bool conflict = false;
  *category = 0;
  *preferred = false;
  for (int c = 0; c < candidates->count; c++) {
    enum type_id type = candidate_type(&candidates->at[c], slot);
    char its = category_of(type);
    if (*category == 0 || its == *category) {
      *category = its;
      *preferred = *preferred || is_preferred(type);
    } else if (its == 'S') {
      conflict = true;
      *category = 'S';
      *preferred = is_preferred(type);
    } else {
      conflict = true;
    }
  }
  return !conflict || *category == 'S';
}

static void keep_categories(struct candidates *candidates, const enum type_id *given, int count)
{
  char category[GIVEN_MAX];
  bool preferred[GIVEN_MAX];
  for (int i = 0; i < count; i++)
    if (given[i] == TYPE_UNKNOWN && !slot_category(candidates, i, &category[i], &preferred[i]))
      return;
  struct candidate first = candidates->at[0];
  int kept = 0;
  for (int c = 0; c < candidates->count; c++) {
    bool keep = true;
    for (int i = 0; i < count; i++) {
      if (given[i] != TYPE_UNKNOWN)
        continue;
      enum type_id type = candidate_type(&candidates->at[c], i);
      keep = keep && category_of(type) == category[i] && (!preferred[i] || is_preferred(type));
    }
    if (keep)
      candidates->at[kept++] = candidates->at[c];
  }
  if (kept)
    candidates->count = kept;
  else
    candidates->at[0] = first;
}

// All known arguments of one type: a literal is probably meant to be of it too.
static const struct candidate *same_type_candidate(const struct candidates *candidates, const enum type_id *given,
                                                   int count)
{
  enum type_id known = TYPE_UNKNOWN, all[GIVEN_MAX];
  for (int i = 0; i < count; i++) {
    if (given[i] == TYPE_UNKNOWN)
      continue;
    if (known != TYPE_UNKNOWN && known != given[i])
      return NULL;
    known = given[i];
  }
  if (known == TYPE_UNKNOWN)
    return NULL;
  for (int i = 0; i < count; i++)
    all[i] = known;
  const struct candidate *found = NULL;
  for (int c = 0; c < candidates->count; c++) {
    if (!candidate_fits(&candidates->at[c], all, count))
      continue;
    if (found)
      return NULL;
    found = &candidates->at[c];
  }
  return found;
}

// The one that is meant, or NULL; then candidates->count says whether there was none or too many.
static const struct candidate *choose(struct candidates *candidates, const enum type_id *given, int count)
{
  int kept = 0, unknown = 0;
  for (int c = 0; c < candidates->count; c++)
    if (candidate_is_exact(&candidates->at[c], given, count))
      return &candidates->at[c];
  for (int c = 0; c < candidates->count; c++)
    if (candidate_fits(&candidates->at[c], given, count))
      candidates->at[kept++] = candidates->at[c];
  candidates->count = kept;
  for (int i = 0; i < count; i++)
    unknown += given[i] == TYPE_UNKNOWN;
  if (candidates->count > 1)
    keep_best(candidates, given, count, false);
  if (candidates->count > 1)
    keep_best(candidates, given, count, true);
  if (candidates->count > 1 && unknown)
    keep_categories(candidates, given, count);
  if (candidates->count == 1)
    return &candidates->at[0];
  return candidates->count && unknown ? same_type_candidate(candidates, given, count) : NULL;
}

// ---- errors ----

static void append(char *text, size_t size, const char *piece)
{
  size_t used = strlen(text);
  snprintf(text + used, size - used, "%s", piece);
}

static int function_error(const char *name, const enum type_id *given, int count, bool none,
                          const struct user_types *types, struct error *error)
{
  char text[400] = "";
  for (int i = 0; i < count; i++) {
    append(text, sizeof text, i ? ", " : "");
    append(text, sizeof text, type_shown(given[i], types).text);
  }
  int status = none ? error_set(error, SQLSTATE_UNDEFINED_FUNCTION, "function %s(%s) does not exist", name, text)
                    : error_set(error, SQLSTATE_AMBIGUOUS_FUNCTION, "function %s(%s) is not unique", name, text);
  error_hint(error,
             none ? "No function matches the given name and argument types. You might need to add explicit type casts."
                  : "Could not choose a best candidate function. You might need to add explicit type casts.");
  return status;
}

int function_missing(const char *name, const enum type_id *given, int count, const struct user_types *types,
                     struct error *error)
{
  return function_error(name, given, count, true, types, error);
}

static int operator_error(const char *name, const enum type_id *given, int count, bool none,
                          const struct user_types *types, struct error *error)
{
  char text[200] = "";
  if (count > 1) {
    append(text, sizeof text, type_shown(given[0], types).text);
    append(text, sizeof text, " ");
  }
  append(text, sizeof text, name);
  append(text, sizeof text, " ");
  append(text, sizeof text, type_shown(given[count - 1], types).text);
  int status = none ? error_set(error, SQLSTATE_UNDEFINED_FUNCTION, "operator does not exist: %s", text)
                    : error_set(error, SQLSTATE_AMBIGUOUS_FUNCTION, "operator is not unique: %s", text);
  if (!none)
    error_hint(error, "Could not choose a best candidate operator. You might need to add explicit type casts.");
  else if (count > 1)
    error_hint(error, "No operator matches the given name and argument types. "
                      "You might need to add explicit type casts.");
  else
    error_hint(error, "No operator matches the given name and argument type. "
                      "You might need to add an explicit type cast.");
  return status;
}

// ---- functions and operators ----

static void add_candidate(struct candidates *candidates, const enum type_id *arguments, int argument_count, int count,
                          const void *row)
{
  int fixed = argument_count < 0 ? -argument_count - 1 : argument_count;
  if ((argument_count < 0 ? count <= fixed : count != fixed) || candidates->count == CANDIDATES_MAX)
    return;
  candidates->at[candidates->count++] = (struct candidate){.arguments = arguments, .fixed = fixed, .row = row};
}

// An operator between a literal and something known is first tried with both of the known type.
static const struct candidate *same_type_operator(struct candidates *candidates, const enum type_id *given)
{
  enum type_id known = given[0] == TYPE_UNKNOWN ? given[1] : given[0];
  enum type_id both[2] = {known, known};
  if (known == TYPE_UNKNOWN || (given[0] != TYPE_UNKNOWN && given[1] != TYPE_UNKNOWN))
    return NULL;
  for (int c = 0; c < candidates->count; c++)
    if (candidate_is_exact(&candidates->at[c], both, 2))
      return &candidates->at[c];
  return NULL;
}

// Literals alone do not say which arithmetic is meant: PostgreSQL has more types than Quern to choose from.
static bool is_ambiguous_arithmetic(const char *name, const enum type_id *given, int count)
{
  for (int i = 0; i < count; i++)
    if (given[i] != TYPE_UNKNOWN)
      return false;
  return name[1] == 0 && strchr(count == 1 ? "-*/%" : "+-*/%", name[0]);
}

static int check_count(int count, struct error *error)
{
  if (count <= GIVEN_MAX)
    return STATUS_OK;
  return error_set(error, SQLSTATE_TOO_MANY_ARGUMENTS, "cannot pass more than %d arguments to a function", GIVEN_MAX);
}

int function_resolve(const char *name, bool is_operator, const enum type_id *given, int count,
                     const struct user_types *types, const struct function **function, struct error *error)
{
  struct candidates candidates = {.count = 0};
  const struct candidate *chosen = NULL;
  int status = check_count(count, error);
  if (status)
    return status;
  for (int t = 0; function_tables[t]; t++)
    for (const struct function *row = function_tables[t]; row->name; row++)
      if (row->is_operator == is_operator && row->name[0] == name[0] && strcmp(row->name, name) == 0)
        add_candidate(&candidates, row->arguments, row->argument_count, count, row);
  if (is_operator && candidates.count && is_ambiguous_arithmetic(name, given, count))
    return operator_error(name, given, count, false, types, error);
  if (is_operator && count == 2)
    chosen = same_type_operator(&candidates, given);
  if (!chosen)
    chosen = choose(&candidates, given, count);
  if (!chosen)
    return is_operator ? operator_error(name, given, count, candidates.count == 0, types, error)
                       : function_error(name, given, count, candidates.count == 0, types, error);
  *function = chosen->row;
  return STATUS_OK;
}

// The type that stands for another in this call; TYPE_UNKNOWN: nothing tells.
static enum type_id meant(const struct meanings *meanings, enum type_id type)
{
  enum type_id like = meanings->like == TYPE_UNKNOWN ? TYPE_TEXT : meanings->like;
  switch (type) {
  case TYPE_ANY_ELEMENT:
  case TYPE_ANY_ENUM: return meanings->any;
  case TYPE_ANY_ARRAY: return meanings->any == TYPE_UNKNOWN ? TYPE_UNKNOWN : type_array(meanings->any);
  case TYPE_LIKE_ELEMENT: return like;
  case TYPE_LIKE_ARRAY: return type_array(like);
  default: return type;
  }
}

// *result: comes as the table has it.
static int call_types(const enum type_id *arguments, int fixed, const enum type_id *given, int count,
                      enum type_id *wanted, enum type_id *result, struct error *error)
{
  struct meanings meanings;
  (void)find_meanings(arguments, fixed, given, count, &meanings);
  *result = meant(&meanings, *result);
  bool is_known = *result != TYPE_UNKNOWN && *result != TYPE_COUNT;
  for (int i = 0; i < count; i++) {
    enum type_id type = arguments[i < fixed ? i : fixed];
    wanted[i] = meant(&meanings, type);
    is_known &= wanted[i] != TYPE_UNKNOWN;
    if (type == TYPE_ANY || type == TYPE_ANY_NONARRAY)
      wanted[i] = given[i] == TYPE_UNKNOWN ? TYPE_TEXT : given[i];
  }
  return is_known ? STATUS_OK
                  : error_set(error, SQLSTATE_DATATYPE_MISMATCH,
                              "could not determine polymorphic type because input has type unknown");
}

int function_types(const struct function *function, const enum type_id *given, int count, enum type_id *wanted,
                   enum type_id *result, struct error *error)
{
  int fixed = function->argument_count < 0 ? -function->argument_count - 1 : FUNCTION_ARGUMENTS;
  *result = function->result;
  return call_types(function->arguments, fixed, given, count, wanted, result, error);
}

int set_function_types(const struct set_function *function, const enum type_id *given, int count, enum type_id *wanted,
                       enum type_id *result, struct error *error)
{
  *result = function->column_count ? function->columns[0].type : TYPE_VOID;
  return call_types(function->arguments, FUNCTION_ARGUMENTS, given, count, wanted, result, error);
}

// The best of the candidates for a call by name.
static int resolve(struct candidates *candidates, const char *name, const enum type_id *given, int count,
                   const struct user_types *types, const void **row, struct error *error)
{
  const struct candidate *chosen = choose(candidates, given, count);
  if (!chosen)
    return function_error(name, given, count, candidates->count == 0, types, error);
  *row = chosen->row;
  return STATUS_OK;
}

int aggregate_resolve(const char *name, const enum type_id *given, int count, const struct user_types *types,
                      const struct aggregate **aggregate, struct error *error)
{
  struct candidates candidates = {.count = 0};
  int status = check_count(count, error);
  for (const struct aggregate *row = aggregates; !status && row->name; row++)
    if (strcmp(row->name, name) == 0)
      add_candidate(&candidates, row->arguments, row->argument_count, count, row);
  return status ? status : resolve(&candidates, name, given, count, types, (const void **)aggregate, error);
}

bool set_function_exists(const char *name)
{
  for (const struct set_function *row = set_functions; row->name; row++)
    if (strcmp(row->name, name) == 0)
      return true;
  return false;
}

int set_function_resolve(const char *name, const enum type_id *given, int count, const struct user_types *types,
                         const struct set_function **function, struct error *error)
{
  struct candidates candidates = {.count = 0};
  int status = check_count(count, error);
  for (const struct set_function *row = set_functions; !status && row->name; row++)
    if (strcmp(row->name, name) == 0)
      add_candidate(&candidates, row->arguments, row->argument_count, count, row);
  return status ? status : resolve(&candidates, name, given, count, types, (const void **)function, error);
}

int window_function_resolve(const char *name, const enum type_id *given, int count, const struct user_types *types,
                            const struct window_function **function, struct error *error)
{
  struct candidates candidates = {.count = 0};
  int status = check_count(count, error);
  for (const struct window_function *row = window_functions; !status && row->name; row++)
    if (strcmp(row->name, name) == 0)
      add_candidate(&candidates, row->arguments, row->argument_count, count, row);
  return status ? status : resolve(&candidates, name, given, count, types, (const void **)function, error);
}

int window_function_types(const struct window_function *function, const enum type_id *given, int count,
                          enum type_id *wanted, enum type_id *result, struct error *error)
{
  *result = function->result;
  return call_types(function->arguments, WINDOW_ARGUMENTS, given, count, wanted, result, error);
}

int ordered_set_resolve(const char *name, const enum type_id *given, int count, const struct user_types *types,
                        const struct ordered_set **set,
                        struct error *error)
{
  struct candidates candidates = {.count = 0};
  int status = check_count(count, error);
  for (const struct ordered_set *row = ordered_sets; !status && row->name; row++)
    if (strcmp(row->name, name) == 0)
      add_candidate(&candidates, row->arguments, row->argument_count, count, row);
  return status ? status : resolve(&candidates, name, given, count, types, (const void **)set, error);
}

int ordered_set_types(const struct ordered_set *set, const enum type_id *given, int count, enum type_id *wanted,
                      enum type_id *result, struct error *error)
{
  *result = set->result;
  return call_types(set->arguments, set->argument_count, given, count, wanted, result, error);
}

// ---- common types ----

int type_common(const struct node *const *nodes, int count, const char *what, const struct user_types *types,
                enum type_id *common, struct error *error)
{
  enum type_id chosen = TYPE_UNKNOWN;
  for (int i = 0; i < count; i++) {
    enum type_id type = nodes[i]->type.id;
    if (type == TYPE_UNKNOWN || type == chosen)
      continue;
    if (chosen == TYPE_UNKNOWN) {
      chosen = type;
    } else if (category_of(chosen) != category_of(type)) {
      int status = error_set(error, SQLSTATE_DATATYPE_MISMATCH, "%s types %s and %s cannot be matched", what,
                             type_shown(chosen, types).text, type_shown(type, types).text);
      error_position(error, nodes[i]->position + 1);
      return status;
    } else if (!is_preferred(chosen) && type_can_become(chosen, type) && !type_can_become(type, chosen)) {
      chosen = type;
    }
  }
  *common = chosen == TYPE_UNKNOWN ? TYPE_TEXT : chosen;
  return STATUS_OK;
}
