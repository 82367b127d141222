#include "expr/tables.h"
const struct function system_functions[] = {{0}};
