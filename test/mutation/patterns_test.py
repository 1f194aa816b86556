"""Tests of patterns.py: each pattern finds what it should, and nothing in comments, strings and declarations."""
import os
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import patterns  # noqa: E402


def changes(file, text):
    """{pattern: [line after the change, …]}, without the blanks around."""
    found = {}
    for mutant in patterns.mutants_of(file, text):
        found.setdefault(mutant.pattern, []).append(mutant.after.strip())
    return found


def cpp(text):
    return changes('src/core/a.cpp', text)


def sql(text):
    return changes('sql/parts/100_a.sql', text)


class Cpp(unittest.TestCase):
    def test_operators(self):
        self.assertEqual(cpp('x = a < b;')['comparison'], ['x = a <= b;'])
        self.assertEqual(cpp('x = a != b &&')['comparison'], ['x = a == b &&'])
        self.assertEqual(cpp('x = a + b * c;')['arithmetic'], ['x = a - b * c;', 'x = a + b / c;'])
        self.assertEqual(cpp('x += a;')['assignment'], ['x -= a;'])
        self.assertEqual(cpp('return a && !b;'), {'logic': ['return a || !b;'], 'negation': ['return a && b;']})
        self.assertEqual(cpp('return std::min(a, b);'), {'extreme': ['return std::max(a, b);']})
        self.assertEqual(cpp('f(i++);')['step'], ['f(i--);'])

    def test_constants(self):
        self.assertEqual(cpp('return row.text(9);'), {'constant': ['return row.text(10);']})
        self.assertEqual(cpp('return true;'), {'truth': ['return false;']})
        self.assertEqual(cpp("return x1 * 1.5 + 0x10 + 1'000;").get('constant'), None)

    def test_conditions(self):
        self.assertEqual(cpp('if (f(a)) return b;'), {'condition false': ['if (false) return b;'],
                                                      'condition true': ['if (true) return b;']})
        self.assertEqual(cpp('if (const auto a = f()) g();').get('condition true'), None)
        self.assertEqual(cpp('if (a &&\n    b)\n  c();').get('condition true'), None)

    def test_statements(self):
        for statement in ('f(a, b);', 'a.b->c(d);', 'x = a;', 'x[i] += a;', '++n;', 'std::sort(a, b);'):
            self.assertEqual(cpp(statement)['statement'], [';'], statement)
        for other in ('return f(a);', 'int x = a;', 'using x = a;', 'const T& x = a;', 'T f(a);', '} else {'):
            self.assertNotIn('statement', cpp(other), other)
        self.assertNotIn('statement', cpp('x = f(a,\n  g(b));'))

    def test_not_code(self):
        for text in ('// a < b', '/* a < b\n a + 1 */', 'f("a < b" "1");', "f('1');", 'R"(a < b)"', '#if A > 1',
                     'static_assert(a == 1);', 'template <int N = 1>', 'using A = B<1>;', 'S(const S&) = delete;',
                     'virtual void f() = 0;', 'bool operator==(const A&) const;', 'std::array<double, 3> a;',
                     'T* f(const T& a);', 'auto x = "a" + b;', 'f(A&& a);'):
            left = {name: lines for name, lines in cpp(text).items() if name != 'statement'}
            self.assertEqual(left, {}, text)

    def test_strings_keep_their_text(self):
        self.assertEqual(cpp('f("a < b", c < d);')['comparison'], ['f("a < b", c <= d);'])


class Sql(unittest.TestCase):
    def test_operators(self):
        self.assertEqual(sql('WHERE a = b')['comparison'], ['WHERE a <> b'])
        self.assertEqual(sql('SELECT a - b')['arithmetic'], ['SELECT a + b'])
        self.assertEqual(sql('WHERE a AND b')['logic'], ['WHERE a OR b'])
        self.assertEqual(sql('WHERE NOT EXISTS (SELECT')['exists'], ['WHERE EXISTS (SELECT'])
        self.assertEqual(sql('WHERE a IS NOT NULL')['null'], ['WHERE a IS NULL'])
        self.assertEqual(sql('SELECT max(a)')['extreme'], ['SELECT min(a)'])
        self.assertEqual(sql('ORDER BY a DESC')['order'], ['ORDER BY a ASC'])
        self.assertEqual(sql('LEFT JOIN a USING (b)')['join'], ['JOIN a USING (b)'])
        self.assertEqual(sql("SELECT COALESCE(a, 'x') + b")['coalesce'], ['SELECT a + b'])

    def test_conditions(self):
        self.assertEqual(sql('WHERE a\n  AND b IN (c))')['dropped condition'], [')'])
        self.assertEqual(sql('  AND f(a,').get('dropped condition'), None)
        self.assertEqual(sql('IF a THEN')['condition true'], ['IF true THEN'])

    def test_statements(self):
        self.assertEqual(sql('PERFORM f(a);')['statement'], ['NULL;'])
        self.assertEqual(sql('BEGIN\n  a := b;')['statement'], ['NULL;'])
        self.assertNotIn('statement', sql('DECLARE\n  a integer := b;'))

    def test_columns(self):
        self.assertEqual(sql('SELECT a, b.c FROM d')['columns'], ['SELECT b.c, a FROM d'])
        self.assertEqual(sql('INSERT INTO t (a, b)')['columns'], ['INSERT INTO t (b, a)'])
        for text in ('GROUP BY a, b', 'JOIN t USING (a, b)', 'f(a text, b date)', 'FUNCTION f(a text, b date)'):
            self.assertNotIn('columns', sql(text), text)

    def test_not_code(self):
        for text in ("-- a = b", "SELECT 'a = 1'", "COMMENT ON FUNCTION f(a) IS 'x' 'a = 1';", '$css$ a = 1 $css$',
                     'f(a numeric(20,4))', 'ROWS 100', 'SELECT $1', '"a = 1"', 'GRANT SELECT ON a, b TO c;'):
            self.assertEqual(sql(text), {}, text)

    def test_dollar_quotes_are_code(self):
        self.assertEqual(sql("AS $$\n  a = 'b $x$ = c'\n$$")['comparison'], ["a <> 'b $x$ = c'"])


class Mutants(unittest.TestCase):
    TEXT = 'f(a < b);\ng(1);\nf(a < b);\n'

    def test_ids_differ_and_stay(self):
        ids = [mutant.id for mutant in patterns.mutants_of('src/core/a.cpp', self.TEXT)]
        later = [mutant.id for mutant in patterns.mutants_of('src/core/a.cpp', '// new\n\n' + self.TEXT)]
        self.assertEqual(len(set(ids)), len(ids))
        self.assertEqual(ids, later)

    def test_apply_changes_one_line(self):
        mutant = next(m for m in patterns.mutants_of('src/core/a.cpp', self.TEXT)
                      if m.line == 3 and m.pattern == 'comparison')
        self.assertEqual(patterns.apply(mutant, self.TEXT), 'f(a < b);\ng(1);\nf(a <= b);\n')
        with self.assertRaises(ValueError):
            patterns.apply(mutant, '\n' + self.TEXT)


if __name__ == '__main__':
    unittest.main()
