"""What scripts/mutate changes: finds the mutants of a source file. It reads text and runs nothing.

A mutant is one small change of one line. Its id is a hash of the file's name, the text of the line, which of the
equal lines of the file it is, the pattern, and the place in the line: it stays the same while other lines change.
"""
import hashlib
import re
from collections import Counter, namedtuple

# file: path below the root; line: from 1 on; before, after: the whole line.
Mutant = namedtuple('Mutant', 'id file line pattern before after')


# Blanking ------------------------------------------------------------------------------------------------------------

def blank(text):
    """The same text with every character but line ends replaced by a blank."""
    return re.sub(r'[^\n]', ' ', text)


def blank_string(text):
    """Keeps the quotes, so that a pattern can see that a string stands there."""
    return text[0] + blank(text[1:-1]) + text[-1] if len(text) > 1 else text


CPP_TOKEN = re.compile(r'''
    (?P<comment>//[^\n]*|/\*.*?\*/)
  | (?P<raw>R"(?P<delimiter>[^(\s]*)\(.*?\)(?P=delimiter)")
  | (?P<string>"(?:\\.|[^"\\\n])*")
  | (?P<character>(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+')
''', re.S | re.X)

# What is left of C++ without comments and strings and still is no code that a mutant makes sense in.
CPP_NOT_CODE = [
    re.compile(r'^[ ]*\#(?:[^\n]*\\\n)*[^\n]*', re.M),            # preprocessor lines
    re.compile(r'\bstatic_assert\b[^;]*;'),
    re.compile(r'^[ ]*template <[^\n]*>[^\n<>]*$', re.M),
    re.compile(r'^[ ]*(?:using|namespace|friend)\b[^\n;{]*[;{]', re.M),
    re.compile(r'\boperator ?[-+*/<>=!&|\[\]()]+'),
    re.compile(r'[^\n;{}]*= (?:delete|default);'),
    re.compile(r'\) (?:const |noexcept |override )*= 0;'),          # a pure virtual function
    # Binary operators have blanks around them and brackets of templates have none: clang-format sees to it.
    re.compile(r'(?<=\w)<(?:[^<>;{}\n]|<(?:[^<>;{}\n]|<[^<>;{}\n]*>)*>)*>'),
]

SQL_TOKEN = re.compile(r'''
    (?P<comment>--[^\n]*|/\*.*?\*/)
  | (?P<style>\$(?P<tag>css|svg|html)\$.*?\$(?P=tag)\$)
  | (?P<dollar>(?<![\w$])\$(?:[A-Za-z_]\w*)?\$)
  | (?P<string>'(?:''|[^'])*')
  | (?P<quoted>"[^"\n]*")
''', re.S | re.X)

SQL_NOT_CODE = [
    re.compile(r'\bCOMMENT ON\b[^;]*;'),
    re.compile(r'\b(?:GRANT|REVOKE)\b[^;]*;'),
    re.compile(r'\b(?:COST|ROWS) \d+'),                             # only the planner reads them
    re.compile(r'\b(?:ERRCODE|MESSAGE|DETAIL|HINT) ='),            # no comparison
    # The server ignores the digits of a parameter's type; those of a cast round.
    re.compile(r'(?<!::)\b(?:numeric|varchar|char|timestamp|timestamptz)\(\d+(?:, ?\d+)?\)'),
]


def blanked_cpp(text):
    def replace(match):
        return blank(match[0]) if match.lastgroup == 'comment' else blank_string(match[0])
    return blank_all(CPP_TOKEN.sub(replace, text), CPP_NOT_CODE)


def blanked_sql(text):
    """The body between dollar quotes is code: only the quotes themselves are blanked."""
    def replace(match):
        return blank_string(match[0]) if match.lastgroup == 'string' else blank(match[0])
    return blank_all(SQL_TOKEN.sub(replace, text), SQL_NOT_CODE)


def blank_all(text, patterns):
    for pattern in patterns:
        text = pattern.sub(lambda match: blank(match[0]), text)
    return text


# Changes of one place ------------------------------------------------------------------------------------------------

def swaps(pairs):
    """Both directions of each pair."""
    return {**{a: b for a, b in pairs}, **{b: a for a, b in pairs}}


def plus_one(match):
    return str(int(match[0]) + 1)


def by_table(table):
    return lambda match: table[match[0]]


CPP_PATTERNS = [
    ('comparison', re.compile(r'(?<= )(?:<=|>=|<|>|==|!=)(?= |$)'),
     by_table({'<': '<=', '<=': '<', '>': '>=', '>=': '>', '==': '!=', '!=': '=='})),
    # A sum beside a string joins text; there is no difference of texts.
    ('arithmetic', re.compile(r'(?<=[^"] )(?:[-+*/])(?= [^" ]|$)'), by_table(swaps([('+', '-'), ('*', '/')]))),
    ('assignment', re.compile(r'(?<= )(?:\+=|-=|\*=|/=)(?= [^" ]|$)'), by_table(swaps([('+=', '-='), ('*=', '/=')]))),
    ('step', re.compile(r'\+\+(?=\w)|(?<=\w)\+\+|--(?=\w)|(?<=\w)--'), by_table(swaps([('++', '--')]))),
    ('logic', re.compile(r'(?<= )(?:&&|\|\|)(?= |$)'), by_table(swaps([('&&', '||')]))),
    ('negation', re.compile(r'!(?=[\w(])'), lambda match: ''),
    ('constant', re.compile(r"(?<![\w.'])\d+(?![\w.'])"), plus_one),
    ('truth', re.compile(r'\b(?:true|false)\b'), by_table(swaps([('true', 'false')]))),
    ('extreme', re.compile(r'\bstd::(?:min|max)\b(?=[(<])'), by_table(swaps([('std::min', 'std::max')]))),
]

SQL_PATTERNS = [
    ('comparison', re.compile(r'(?<= )(?:<=|>=|<>|<|>|=)(?= |$)'),
     by_table({'<': '<=', '<=': '<', '>': '>=', '>=': '>', '=': '<>', '<>': '='})),
    ('arithmetic', re.compile(r'(?<=[\w)] )[-+*/](?= [\w(]|$)'), by_table(swaps([('+', '-'), ('*', '/')]))),
    ('logic', re.compile(r'\b(?:AND|OR)\b(?! REPLACE)'), by_table(swaps([('AND', 'OR')]))),
    ('exists', re.compile(r'\bNOT EXISTS\b'), lambda match: 'EXISTS'),
    ('null', re.compile(r'\bIS (?:NOT )?NULL\b'), by_table(swaps([('IS NULL', 'IS NOT NULL')]))),
    ('distinct', re.compile(r'\bIS (?:NOT )?DISTINCT FROM\b'),
     by_table(swaps([('IS DISTINCT FROM', 'IS NOT DISTINCT FROM')]))),
    ('constant', re.compile(r'(?<![\w.$%])\d+(?![\w.$])'), plus_one),
    ('truth', re.compile(r'\b(?:true|false)\b'), by_table(swaps([('true', 'false')]))),
    ('extreme', re.compile(r'\b(?:min|max|least|greatest)\b(?=\()'),
     by_table(swaps([('min', 'max'), ('least', 'greatest')]))),
    ('order', re.compile(r'\b(?:ASC|DESC)\b'), by_table(swaps([('ASC', 'DESC')]))),
    ('join', re.compile(r'\bLEFT JOIN\b'), lambda match: 'JOIN'),
]


def simple_changes(code, patterns):
    """(pattern, start, end, replacement) for each place in the line where a pattern is found."""
    for name, pattern, replacement in patterns:
        for match in pattern.finditer(code):
            yield name, match.start(), match.end(), replacement(match)


# Changes of a whole condition or statement ---------------------------------------------------------------------------

def closing_bracket(code, opening):
    """Where the bracket that opens at the place closes in the line; None when it does not."""
    depth = 0
    for place in range(opening, len(code)):
        depth += {'(': 1, ')': -1}.get(code[place], 0)
        if depth == 0:
            return place
    return None


CPP_CALL = re.compile(r'^ *[A-Za-z_][\w:.\[\]]*(?:->[\w:.\[\]]+|\([^;]*\)|\.\w+)*\([^;]*\);$')
CPP_ASSIGNMENT = re.compile(r'^ *\*?[A-Za-z_][\w:.]*(?:->\w+|\[[^\]]*\]|\([^()]*\)|\.\w+)* (?:[-+*/|&]?=) [^;]*;$')
CPP_STEP = re.compile(r'^ *(?:\+\+|--)[\w.\->\[\]()]+;$')
CPP_KEYWORD = re.compile(r'^ *(?:return|throw|using|case|default|break|continue|delete|goto|if|for|while)\b')


def is_statement(code, before):
    """Whether the line is a call, an assignment or a step that begins and ends in it."""
    starts = before == '' or before[-1] in ';{}:)' or before.endswith('else')
    if not starts or code.count('(') != code.count(')') or CPP_KEYWORD.match(code):
        return False
    return any(pattern.match(code) for pattern in (CPP_CALL, CPP_ASSIGNMENT, CPP_STEP))


def cpp_changes(code, before):
    yield from simple_changes(code, CPP_PATTERNS)
    for match in re.finditer(r'\bif \(', code):
        closing = closing_bracket(code, match.end() - 1)
        # A condition that declares a variable cannot go without what uses the variable.
        if closing and not re.search(r' = |;', code[match.end():closing]):
            for value in ('false', 'true'):
                yield 'condition ' + value, match.end(), closing, value
    if is_statement(code.rstrip(), before):
        start = len(code) - len(code.lstrip())
        yield 'statement', start, len(code.rstrip()), ';'


CONDITION_END = re.compile(r'[;,]|\b(?:THEN|LOOP|ORDER|GROUP|LIMIT|OR|AND|UNION)\b')


def end_of_condition(code, start):
    """Where the condition that begins at the place ends: before a keyword, a bracket that it did not open, or at the
    end of the line. None when a bracket stays open, so that the condition goes on in the next line."""
    depth = 0
    for place in range(start, len(code)):
        if code[place] == ')' and depth == 0:
            return place
        depth += {'(': 1, ')': -1}.get(code[place], 0)
        if depth == 0 and place > start and CONDITION_END.match(code, place):
            return place
    return len(code) if depth == 0 else None


SQL_TYPES = {'text', 'date', 'integer', 'int', 'bigint', 'uuid', 'numeric', 'boolean', 'jsonb', 'name', 'precision'}
# Items of a list: what stands before the first and after the second of two shows that both are whole.
SQL_COLUMNS = re.compile(r'(?:(?<=\()|(?<=, )|(?<=SELECT )|(?<=ORDER BY )|^ *)(?P<a>[a-z_][\w.]*), (?P<b>[a-z_][\w.]*)'
                         r'(?=,|\)| FROM| *$)')
# Where the order of the items makes no difference.
SQL_SETS = re.compile(r'(?:GROUP BY|PARTITION BY|USING \(|UNIQUE \(|FUNCTION [\w@.]+\(|PROCEDURE [\w@.]+\()[^()]*$')


def column_swaps(code):
    for match in SQL_COLUMNS.finditer(code):
        a, b = match['a'], match['b']
        if a != b and not {a, b} & SQL_TYPES and not SQL_SETS.search(code[:match.start('a')]):
            yield 'columns', match.start('a'), match.end('b'), b + ', ' + a


def sql_changes(code, before):
    yield from simple_changes(code, SQL_PATTERNS)
    yield from column_swaps(code)
    match = re.match(r' *AND (?=\S)', code)
    if match and 'BETWEEN' not in before:
        end = end_of_condition(code, match.end())
        if end:
            yield 'dropped condition', match.start() + len(match[0]) - len(match[0].lstrip()), end, ''
    for match in re.finditer(r'\b(?:IF|ELSIF) (.+) THEN\b', code):
        for value in ('false', 'true'):
            yield 'condition ' + value, match.start(1), match.end(1), value
    for match in re.finditer(r'\bCOALESCE\(([^(),]+)(, [^(),]+)\)', code):
        yield 'coalesce', match.start(), match.end(), None, match.span(1)
    match = re.match(r'^ *(?:PERFORM [^;]*|[a-z_][\w.]* := [^;]*);$', code.rstrip())
    if match and (before == '' or before.endswith((';', 'THEN', 'LOOP', 'BEGIN', 'ELSE'))):
        yield 'statement', len(code) - len(code.lstrip()), len(code.rstrip()), 'NULL;'


# Mutants of a file ---------------------------------------------------------------------------------------------------

def changed_line(line, change):
    """The line after the change. A change with a fifth part keeps that part of the line instead of new text."""
    start, end, text = change[1:4]
    if len(change) > 4:
        text = line[slice(*change[4])]
    return (line[:start] + text + line[end:]).rstrip()


def mutant_id(*parts):
    return hashlib.sha1('\0'.join(map(str, parts)).encode()).hexdigest()[:10]


def mutants_of(file, text):
    """All mutants of a file, in the order of its lines."""
    is_sql = file.endswith('.sql')
    code_lines = (blanked_sql if is_sql else blanked_cpp)(text).split('\n')
    changes_of = sql_changes if is_sql else cpp_changes
    seen, before, mutants = Counter(), '', []
    for number, (line, code) in enumerate(zip(text.split('\n'), code_lines), 1):
        if not code.strip():
            continue
        seen[line.strip()] += 1
        indent = len(line) - len(line.lstrip())
        for change in changes_of(code, before):
            after = changed_line(line, change)
            if after != line:
                name = mutant_id(file, line.strip(), seen[line.strip()], change[0], change[1] - indent, after.strip())
                mutants.append(Mutant(name, file, number, change[0], line, after))
        before = code.strip()
    return mutants


def apply(mutant, text):
    """The file's text with the mutant in it."""
    lines = text.split('\n')
    if lines[mutant.line - 1] != mutant.before:
        raise ValueError(f'{mutant.file}:{mutant.line} is not the line that the mutant {mutant.id} changes')
    lines[mutant.line - 1] = mutant.after
    return '\n'.join(lines)
