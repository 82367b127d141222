// Type names of the grammar, with their modifiers.
#include <ctype.h>
#include <stdlib.h>

#include "data/bits.h"
#include "data/interval.h"
#include "sql/binder.h"

// PostgreSQL's types that Quern does not have: they exist, as far as the user is concerned.
static bool is_known_elsewhere(const char *name)
{
  static const char *const names[] = {
      "jsonpath", "xml",          "money",     "point",
      "line",        "lseg",     "box",      "path",         "polygon",   "circle",        "inet",         "cidr",
      "int4range", "int8range", "numrange", "tsrange", "tstzrange", "daterange", "int4multirange", "int8multirange",
      "nummultirange", "tsmultirange", "tstzmultirange", "datemultirange", "pg_snapshot", "txid_snapshot",
      "macaddr",     "macaddr8", "tsvector", "tsquery",      "regclass",  "regproc",       "regprocedure", "regoper",
      "regoperator", "regtype",  "regrole",  "regnamespace", "regconfig", "regdictionary", "regcollation", "xid",
      "cid",         "tid",      "xid8",     "pg_lsn",       "record",    "anyarray",      NULL,
  };
  for (const char *const *known = names; *known; known++)
    if (strcmp(name, *known) == 0)
      return true;
  return false;
}

static const uint32_t LIMIT_CHARACTERS = 10485760; // of varchar(n) and char(n)

struct modifiers {
  int count;
  int values[2];
};

// Modifiers are integer constants. STATUS_LONG: a parameter stands for one.
static int read_modifiers(const PgQuery__TypeName *name, struct modifiers *modifiers, struct error *error)
{
  for (size_t i = 0; i < name->n_typmods; i++) {
    const PgQuery__Node *node = name->typmods[i];
    if (node->node_case != PG_QUERY__NODE__NODE_A_CONST || node->a_const->isnull ||
        node->a_const->val_case != PG_QUERY__A__CONST__VAL_IVAL)
      return error_set(error, SQLSTATE_SYNTAX_ERROR, "type modifiers must be simple constants or identifiers");
    if (modifiers->count < 2)
      modifiers->values[modifiers->count] = node->a_const->ival->ival;
    modifiers->count++;
  }
  return 0;
}

static int length_modifier(const char *name, uint32_t longest, const struct modifiers *modifiers, struct type *type,
                           struct error *error)
{
  if (modifiers->count != 1)
    return error_set(error, SQLSTATE_INVALID_PARAMETER_VALUE, "invalid type modifier");
  if (modifiers->values[0] < 1)
    return error_set(error, SQLSTATE_INVALID_PARAMETER_VALUE, "length for type %s must be at least 1", name);
  if ((uint32_t)modifiers->values[0] > longest)
    return error_set(error, SQLSTATE_INVALID_PARAMETER_VALUE, "length for type %s cannot exceed %u", name, longest);
  type->modifier = modifiers->values[0];
  return 0;
}

static int numeric_modifier(const struct modifiers *modifiers, struct type *type, struct error *error)
{
  if (modifiers->count > 2)
    return error_set(error, SQLSTATE_INVALID_PARAMETER_VALUE, "invalid NUMERIC type modifier");
  int precision = modifiers->values[0];
  int scale = modifiers->count == 2 ? modifiers->values[1] : 0;
  if (precision < 1 || precision > 1000)
    return error_set(error, SQLSTATE_INVALID_PARAMETER_VALUE, "NUMERIC precision %d must be between 1 and 1000",
                     precision);
  if (scale < -1000 || scale > 1000)
    return error_set(error, SQLSTATE_INVALID_PARAMETER_VALUE, "NUMERIC scale %d must be between -1000 and 1000", scale);
  type->modifier = (int32_t)((uint32_t)precision << 16 | ((uint32_t)scale & 0xffff));
  return 0;
}

// interval(3), interval day to second(3): the grammar gives a mask of fields, and then the digits.
static int interval_modifiers(const struct modifiers *modifiers, struct type *type, struct error *error)
{
  int fields = modifiers->values[0], digits = modifiers->count == 2 ? modifiers->values[1] : INTERVAL_ALL_DIGITS;
  if (modifiers->count > 2)
    return error_set(error, SQLSTATE_INVALID_PARAMETER_VALUE, "invalid INTERVAL type modifier");
  if (digits < 0)
    return error_set(error, SQLSTATE_INVALID_PARAMETER_VALUE, "INTERVAL(%d) precision must not be negative", digits);
  type->modifier = interval_modifier(fields, digits > 6 && digits != INTERVAL_ALL_DIGITS ? 6 : digits);
  return 0;
}

// The type's name is for messages; brackets: "[]" where an array of it is declared.
static int apply_modifiers(const char *name, const char *brackets, const struct modifiers *modifiers, struct type *type,
                           struct error *error)
{
  if (modifiers->count == 0)
    return 0;
  switch (type->id) {
  case TYPE_VARCHAR: return length_modifier("varchar", LIMIT_CHARACTERS, modifiers, type, error);
  case TYPE_BPCHAR: return length_modifier("char", LIMIT_CHARACTERS, modifiers, type, error);
  case TYPE_BIT: return length_modifier("bit", LIMIT_BITS, modifiers, type, error);
  case TYPE_VARBIT: return length_modifier("varbit", LIMIT_BITS, modifiers, type, error);
  case TYPE_NUMERIC: return numeric_modifier(modifiers, type, error);
  case TYPE_INTERVAL: return interval_modifiers(modifiers, type, error);
  case TYPE_TIME:
  case TYPE_TIMETZ:
  case TYPE_TIMESTAMP:
  case TYPE_TIMESTAMPTZ:
    if (modifiers->count != 1)
      return error_set(error, SQLSTATE_INVALID_PARAMETER_VALUE, "invalid type modifier");
    if (modifiers->values[0] < 0)
      return error_set(error, SQLSTATE_INVALID_PARAMETER_VALUE, "%s(%d)%s precision must not be negative",
                       type->id == TYPE_TIME || type->id == TYPE_TIMETZ ? "TIME" : "TIMESTAMP", modifiers->values[0],
                       type->id == TYPE_TIMESTAMPTZ || type->id == TYPE_TIMETZ ? " WITH TIME ZONE" : "");
    type->modifier = modifiers->values[0] > 6 ? 6 : modifiers->values[0];
    return 0;
  default: return error_set(error, SQLSTATE_SYNTAX_ERROR, "type modifier is not allowed for type \"%s%s\"", name, brackets);
  }
}

static const char *string_of(const PgQuery__Node *node)
{
  return node->node_case == PG_QUERY__NODE__NODE_STRING ? node->string->sval : "";
}

struct name_scope bind_name_scope(const struct bind_input *input)
{
  return (struct name_scope){.role = input->settings->role,
                             .search_path = input->settings->search_path,
                             .search_path_count = input->settings->search_path_count,
                             .mark = input->mark};
}

// In texts of definitions types made by users stand as pg_catalog.type_16384: 0 for other names.
static uint32_t type_number(const char *schema, const char *own)
{
  char *end = NULL;
  unsigned long number = strncmp(own, "type_", 5) == 0 && isdigit((unsigned char)own[5]) ? strtoul(own + 5, &end, 10) : 0;
  return number && !*end && number < TYPE_USER_ARRAY && strcmp(schema, "pg_catalog") == 0 ? (uint32_t)number : 0;
}

int bind_user_type(const struct bind_input *input, const PgQuery__TypeName *name, const struct relation **relation,
                   struct error *error)
{
  *relation = NULL;
  if (name->n_names == 0)
    return 0;
  const char *own = string_of(name->names[name->n_names - 1]);
  const char *schema = name->n_names > 1 ? string_of(name->names[name->n_names - 2]) : NULL;
  uint32_t number = type_number(schema ? schema : "", own);
  struct name_scope scope = bind_name_scope(input);
  if (number) {
    *relation = catalog_find_oid(input->catalog, input->version, number);
  } else {
    int status = catalog_find(input->catalog, input->version, &scope, schema, own, "T", RIGHT_NONE, true, relation, error);
    struct error ignored; // what has the name may be none that has rows
    if (status || *relation)
      return status;
    if (catalog_find(input->catalog, input->version, &scope, schema, own, "rvf", RIGHT_NONE, true, relation, &ignored))
      *relation = NULL;
  }
  if (*relation && (*relation)->kind != RELATION_TYPE && !relation_has_row_type(*relation))
    *relation = NULL;
  return 0;
}

static int take_user_type(const struct relation *relation, bool is_array, struct type *type, uint32_t *domain,
                          struct error *error)
{
  bool is_row = relation_has_row_type(relation);
  if (is_row || relation->type_kind == TYPE_IS_ENUM) {
    uint32_t own = is_row ? (uint32_t)relation_row_type(relation) : relation->oid;
    *type = type_plain((enum type_id)(is_array ? own | TYPE_USER_ARRAY : own));
    return 0;
  }
  *type = relation->schema.columns[0].type;
  if (domain)
    *domain = relation->oid;
  if (is_array && type_is_array(type->id))
    return error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED, "arrays of a domain over arrays are not supported");
  if (is_array)
    type->id = type_array(type->id);
  return 0;
}

static int find_type(const struct bind_input *input, const PgQuery__TypeName *name, struct type *type, uint32_t *domain,
                     struct error *error)
{
  if (domain)
    *domain = 0;
  if (name->setof || name->pct_type || name->n_names == 0)
    return error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED, "SETOF and %%TYPE are not supported");
  const char *own = string_of(name->names[name->n_names - 1]);
  const char *brackets = name->n_array_bounds ? "[]" : "";
  bool is_qualified = name->n_names > 1;
  const char *schema = is_qualified ? string_of(name->names[name->n_names - 2]) : "pg_catalog";
  // "char" in quotes and without a schema is the one-byte type; the keyword CHAR comes as pg_catalog.bpchar.
  enum type_id id = strcmp(schema, "pg_catalog") == 0 ? type_of_name(own) : TYPE_COUNT;
  // Of the names in the table, these are words of the grammar, not names of types.
  bool is_phrase = strchr(own, ' ') || strchr(own, '[') || strcmp(own, "integer") == 0 || strcmp(own, "bigint") == 0;
  if (id == TYPE_COUNT || id == TYPE_UNKNOWN || id == TYPE_VOID || id == TYPE_RECORD || is_phrase) {
    const struct relation *relation;
    int failed = bind_user_type(input, name, &relation, error);
    if (failed || relation)
      return failed ? failed
             : name->n_typmods
                 ? error_set(error, SQLSTATE_SYNTAX_ERROR, "type modifier is not allowed for type \"%s%s\"", own, brackets)
                 : take_user_type(relation, name->n_array_bounds > 0, type, domain, error);
    if (strcmp(schema, "pg_catalog") == 0 && is_known_elsewhere(own))
      return error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED, "type %s is not supported", own);
    return error_set(error, SQLSTATE_UNDEFINED_OBJECT, "type \"%s%s%s%s\" does not exist", is_qualified ? schema : "",
                     is_qualified ? "." : "", own, brackets);
  }
  *type = type_plain(id);
  struct modifiers modifiers = {0};
  int status = read_modifiers(name, &modifiers, error);
  if (!status)
    status = apply_modifiers(own, brackets, &modifiers, type, error);
  if (!status && name->n_array_bounds && !type_is_array(id)) // an array of arrays is one of more dimensions
    type->id = type_array(id);
  return status;
}

int bind_type(const struct bind_input *input, const PgQuery__TypeName *name, struct bytes text, struct type *type,
              uint32_t *domain, struct error *error)
{
  int status = find_type(input, name, type, domain, error);
  if (status)
    error_position(error, parse_position(text, name->location));
  return status;
}

int bind_type_at(struct binder *binder, const PgQuery__TypeName *name, struct type *type, uint32_t *domain)
{
  int status = find_type(binder->input, name, type, domain, binder->error);
  if (!status)
    return 0;
  error_position(binder->error, 0);
  return bind_error_from(binder, name->location);
}

struct node *bind_domain(struct binder *binder, struct node *node, uint32_t domain)
{
  if (!domain || !node)
    return node;
  const struct domain_test *test;
  if (catalog_domain(binder->input->catalog, binder->input->version, domain, node->type, binder->arena, &test,
                     binder->error))
    return NULL;
  struct node *tested = bind_node(binder, NODE_DOMAIN, node->type, node->position, &node, 1);
  if (tested)
    tested->domain = test;
  return tested;
}
