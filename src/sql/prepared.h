// Prepared texts: one statement's text analysed and planned, shared by all sessions and kept in the plan cache.
//
// 1. A prepared text is immutable, but for its one idle execution; it is valid for one value of version_definitions, for
//    one role, whose rights were looked at (grants change version_definitions), and while its tables are about as large
//    as they were.
// 2. It is counted: the cache, statements and portals of sessions each hold it. Owner thread only.
#pragma once

#include "base/map.h"
#include "sql/bind.h"
#include "sql/copy.h"
#include "sql/execute.h"
#include "sql/parse.h"
#include "sql/utility.h"

struct prepared {
  int references;
  struct memory_account account; // of its executions
  struct arena arena;
  uint64_t definitions;
  uint32_t role;                 // whose rights were looked at
  enum utility_kind utility;
  struct parse *parse;           // kept where the tree is needed to run it (all but queries); else NULL
  const struct parsed *parsed;   // in parse; NULL: an empty statement, or a query
  struct bytes text;
  struct statement *statement;   // of a query or EXPLAIN; NULL
  struct plan *plan;
  struct copy *copy;             // of a COPY
  struct explain_options explain;
  const char *tag;               // "SELECT", "INSERT 0", "UPDATE", "DELETE"; "" for the others
  struct execution *idle;        // not running; whoever starts one takes it and gives it back
  bool is_empty;
  size_t size;                   // bytes, when it was put into the cache
};

struct prepared_cache {
  struct catalog *catalog;
  struct memory_account *account; // borrowed: what prepared texts are charged to
  size_t statement_memory;        // bound of one execution
  struct statistics *statistics;  // of tables, for the planner
  struct map map;
  size_t bytes, byte_limit;       // of the texts and what was made of them; limit 0: nothing is kept
  bool without_short_path;        // as plan_input
  uint64_t hits, misses;
  struct buffer key;              // scratch
};

// False: out of memory; deinit it all the same.
bool prepared_cache_init(struct prepared_cache *cache, struct catalog *catalog, struct memory_account *account,
                         size_t statement_memory);
void prepared_cache_deinit(struct prepared_cache *cache);

struct prepared_input {
  const struct version *version;
  const struct settings *settings;
  struct bytes text;             // one statement
  const struct type *parameters; // as bind_input
  int parameter_count;
  bool parameters_are_literals;  // the text is a stripped one
  bool is_again;                 // it was taken before, and is all that is left: whatever its plan is like
  const struct relation *source; // of a workflow's statement; then it is not cached
  struct read_mark *mark;
};

// Does it mean what its text would mean now?
static inline bool prepared_is_valid(const struct prepared *prepared, const struct version *version,
                                     const struct settings *settings)
{
  return prepared->definitions == version_definitions(version) && prepared->role == settings->role;
}
// … and would its plan be much the same?
static inline bool prepared_is_current(const struct prepared *prepared, const struct version *version,
                                       const struct settings *settings)
{
  return prepared_is_valid(prepared, version, settings) && (!prepared->plan || plan_fits(prepared->plan, version));
}
// Finds it in the cache or makes it; the caller releases it. STATUS_LONG: the stripped text cannot be used, take the original.
int prepared_get(struct prepared_cache *cache, const struct prepared_input *input, struct prepared **prepared,
                 struct error *error);
// Only looks into the cache; NULL: not there, or of older definitions. The caller releases it.
struct prepared *prepared_find(struct prepared_cache *cache, const struct prepared_input *input);
void prepared_release(struct prepared *prepared);
static inline struct prepared *prepared_retain(struct prepared *prepared)
{
  prepared->references++;
  return prepared;
}

// What its plan is of: the statement itself, or what a COPY runs underneath; NULL: no plan.
static inline const struct statement *prepared_statement(const struct prepared *prepared)
{
  const struct copy *copy = prepared->copy;
  return !copy ? prepared->statement : copy->is_from ? copy->insert : copy->select;
}

// Takes the idle execution or opens one. NULL: out of memory. Give it back when it does not run any more.
struct execution *prepared_take_execution(struct prepared *prepared);
void prepared_give_execution(struct prepared *prepared, struct execution *execution);
