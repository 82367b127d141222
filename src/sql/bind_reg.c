// Casts to regclass, regtype, regproc, regnamespace and regrole. There are no such types: a name becomes its object id, an object
// id its name, and a further cast to text or to a number says which of the two is meant.
#include <string.h>

#include "base/sqlstate.h"
#include "sql/binder.h"

struct reg {
  const char *name;  // of the type, and of the function that gives an object id's name
  const char *input; // the function that finds a name's object id
};

static const struct reg *find_reg(const PgQuery__Node *tree)
{
  static const struct reg regs[] = {{"regclass", "regclassin"},
                                    {"regtype", "regtypein"},
                                    {"regproc", "regprocin"},
                                    {"regnamespace", "regnamespacein"},
                                    {"regrole", "regrolein"}};
  if (tree->node_case != PG_QUERY__NODE__NODE_TYPE_CAST)
    return NULL;
  const PgQuery__TypeName *type = tree->type_cast->type_name;
  const char *name = type->n_names ? bind_string(type->names[type->n_names - 1]) : NULL;
  const char *schema = type->n_names > 1 ? bind_string(type->names[type->n_names - 2]) : "pg_catalog";
  if (!name || !schema || type->n_array_bounds || strcmp(schema, "pg_catalog") != 0)
    return NULL;
  for (size_t i = 0; i < sizeof regs / sizeof *regs; i++)
    if (strcmp(regs[i].name, name) == 0)
      return &regs[i];
  return NULL;
}

bool bind_is_reg(const PgQuery__Node *tree)
{
  return find_reg(tree) != NULL;
}

struct node *bind_reg(struct binder *binder, struct scope *scope, const PgQuery__Node *tree, enum reg_form form)
{
  const struct reg *reg = find_reg(tree);
  const PgQuery__TypeCast *cast = tree->type_cast;
  struct node *argument = bind_expr(binder, scope, cast->arg);
  if (!argument || !(argument = bind_known(binder, argument)))
    return NULL;
  bool is_name = type_info(argument->type.id)->category == 'S';
  const struct function *function;
  // The catalog has functions by their names (pg_type.typinput): one that is compared with them stays a name.
  if (is_name && form != REG_OID && strcmp(reg->name, "regproc") == 0)
    return bind_cast(binder, argument, type_plain(TYPE_TEXT), CAST_EXPLICIT);
  if (!is_name && !cast_find(argument->type.id, TYPE_OID, CAST_EXPLICIT, &function))
    return bind_fail(binder, cast->location, SQLSTATE_FEATURE_NOT_SUPPORTED, "a cast of type %s to %s is not supported",
                     BIND_TYPE_NAME(binder, argument->type.id), reg->name);
  struct node *oid = is_name ? bind_call(binder, reg->input, false, &argument, 1, cast->location)
                             : bind_cast(binder, argument, type_plain(TYPE_OID), CAST_EXPLICIT);
  bool wants_name = form == REG_NAME || (form == REG_OTHER && !is_name);
  return !oid || !wants_name ? oid : bind_call(binder, reg->name, false, &oid, 1, cast->location);
}
