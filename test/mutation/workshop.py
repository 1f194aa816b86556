"""Where scripts/mutate tries mutants: a copy of the tree with its objects, a cluster that finds the extension of that
copy, and every test as a command of its own. Two workshops work side by side; the second begins as a copy of the
first."""
import glob
import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections import namedtuple

# kind: core, regress, isolation, pgtap or tap; name: the program, or the file without its folder.
Test = namedtuple('Test', 'kind name')

CCACHE = '/usr/lib/ccache'
# A mutant that takes memory without end must not take the machine's. Browsers reserve more than they use.
MEMORY_LIMIT = 4 << 30
BUILD_SECONDS = 900

# Tests that take long: after the others.
SLOW = ('130_', '430_bad_rows.sql', '435_', '440_')
# Tests that take very long or need what few machines have: only for the files that they are about.
ONLY_FOR = {'050_': 'sql/parts/420', '090_': 'sql/parts/420', '110_': 'sql/parts/700', '120_': 'sql/parts/8'}
LAST = '140_'

# What the TAP programs about results are; the others are about sessions, servers, rights and settings.
ABOUT_RESULTS = ('040_', '070_', '080_', '150_', '170_')

# The entry points of results; those of runs, procedures, workers and schemas are like src/batch.
ENTRIES_OF_RESULTS = tuple('src/function/' + name for name in (
    'asof', 'calendar', 'correlation_matrix', 'engines', 'entry', 'model_quality', 'numerics', 'prices', 'sample_data'))

# Tests of rights, of schedules and of the audit: they run a batch, but look at other things than its figures.
BESIDE_RESULTS = ('010_', '020_', '030_', '160_', '310_', '320_', '410_', '420_', '430_foreign', '450_audit')

# Parts of the install script that nothing but these functions enters: tests that do not name one of them do not reach
# the part.
ENTRIES = {
    'sql/parts/175': 'tenant', 'sql/parts/410': 'batch_progress|batch_report|batch_preflight|cancel_run|run_state',
    'sql/parts/420': 'schedule', 'sql/parts/435': 'model_quality', 'sql/parts/600': 'batch_audit',
    'sql/parts/700': 'api_', 'sql/parts/8': 'portfolio_report|report_',
}


class Stopped(Exception):
    """The user has interrupted the run."""


class Broken(Exception):
    """The tree as it is does not build, or its tests do not pass: there is nothing to compare mutants with."""


def matters(file):
    """Whether the file has a part in building or testing."""
    return not (file.startswith('test/mutation/') or file in ('scripts/mutate', 'CONTRIBUTING.md', 'CHANGELOG.md'))


def tests_of(tree):
    """Every test of the tree."""
    def names(pattern):
        return sorted(os.path.basename(path) for path in glob.glob(os.path.join(tree, pattern)))

    return ([Test('core', name[:-4]) for name in names('test/core/*_test.cpp')]
            + [Test('regress', name[:-4]) for name in names('sql/*.sql') if not name.startswith('portfolio_batch--')]
            + [Test('isolation', name[:-5]) for name in names('test/isolation/specs/*.spec')]
            + [Test('pgtap', name) for name in names('test/pgtap/*.sql')]
            + [Test('tap', name) for name in names('test/tap/*.t')])


def path_of(test):
    """The file of the test in the tree."""
    return {'core': 'test/core/{}.cpp', 'regress': 'sql/{}.sql', 'isolation': 'test/isolation/specs/{}.spec',
            'pgtap': 'test/pgtap/{}', 'tap': 'test/tap/{}'}[test.kind].format(test.name)


def reaches(test, file, tree):
    """Whether the test can notice a mutant of the file."""
    is_of_core = file.startswith('src/core/')
    if test.kind == 'core' or is_of_core and test.kind in ('isolation', 'tap'):
        # What watches sessions and servers is no test of figures.
        return is_of_core and test.kind == 'core'
    is_of_results = file.startswith(('src/core/', 'src/engine/', 'src/store/', *ENTRIES_OF_RESULTS))
    if is_of_results and test.kind == 'tap' and not test.name.startswith(ABOUT_RESULTS):
        return False
    for prefix, entries in ENTRIES.items():
        if file.startswith(prefix):
            with open(os.path.join(tree, path_of(test))) as source:
                if not re.search(entries, source.read()):
                    return False
    for prefix, needed in ONLY_FOR.items():
        if test.kind == 'tap' and test.name.startswith(prefix):
            return file.startswith(needed)
    return True


def stage_of(test, file):
    """Tests of an earlier stage are run before all of a later one. Those of stages 0 and 1 are quick."""
    if test.kind == 'core':
        return 0
    if test.kind == 'tap':
        return 3 if test.name.startswith((LAST, *ONLY_FOR)) else 2
    if file.startswith('src/') and test.kind == 'pgtap' and test.name.startswith(BESIDE_RESULTS):
        return 2
    return 2 if test.name.startswith(SLOW) else 1


def replace_in_file(path, old, new):
    """Replaces a text in a file that keeps its time; what is no text is left alone."""
    with open(path, 'rb') as source:
        content = source.read()
    if old in content and b'\0' not in content:
        times = os.stat(path)
        with open(path, 'wb') as out:
            out.write(content.replace(old, new))
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


class Workshop:
    """One copy of the tree with all that it takes to build and test it."""

    def __init__(self, root, folder, shared_data, prices):
        self.root = root
        self.folder = folder
        self.processors = os.cpu_count()
        self.tree = os.path.join(folder, 'tree')
        self.core = os.path.join(folder, 'core')
        self.stage = os.path.join(folder, 'stage')
        self.cluster = os.path.join(folder, 'cluster')
        self.tmp = os.path.join(folder, 'tmp')
        self.log = os.path.join(folder, 'log')
        self.durations = {}
        self.running = None
        self.stopped = False
        self.environment = self.make_environment(shared_data, prices)

    def make_environment(self, shared_data, prices):
        environment = {name: value for name, value in os.environ.items()
                       if name not in ('PGPASSWORD', 'PGSERVICE', 'PGOPTIONS', 'PB_ROOT', 'MAKEFLAGS')}
        environment.update(
            PG_CONFIG=os.environ.get('PG_CONFIG', '/usr/lib/postgresql/15/bin/pg_config'),
            SEPARATE='1',  # a change compiles one file
            # A change may leave a variable unused; that alone is no reason to refuse it.
            EXTRA_CXXFLAGS='-g0', WERROR='',
            PGHOST=os.path.join(self.cluster, 'socket'), PGPORT='5432', PGUSER='postgres', PGDATABASE='postgres',
            PB_STAGE=self.stage, TMPDIR=self.tmp)
        if os.path.isdir(CCACHE):
            environment.update(PATH=CCACHE + ':' + environment['PATH'], CCACHE_SLOPPINESS=
                               'include_file_mtime,include_file_ctime,pch_defines,time_macros')
        if shared_data:
            environment.update(PB_SHARED_DATA=shared_data, PB_PRICES_CSV=prices)
        return environment

    # Commands --------------------------------------------------------------------------------------------------------

    def run(self, command, seconds, limited=False):
        """Runs a command in the tree; its exit status, or None when it took longer. What it says goes to the log."""
        if limited:
            command = ['prlimit', f'--as={MEMORY_LIMIT}', *command]
        with open(self.log, 'wb') as log:
            self.running = subprocess.Popen(command, cwd=self.tree, env=self.environment, stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
            try:
                status = self.running.wait(timeout=seconds)
            except subprocess.TimeoutExpired:
                self.end_running()
                status = None
            except BaseException:
                self.end_running()
                raise
            self.running = None
        if self.stopped:
            raise Stopped
        return status

    def end_running(self):
        """Ends the running command and all that it started: first so that it can clean up, then without asking."""
        process = self.running
        if process is None:
            return
        for number, patience in ((signal.SIGTERM, 20), (signal.SIGKILL, 20)):
            try:
                os.killpg(process.pid, number)
                process.wait(timeout=patience)
            except (ProcessLookupError, subprocess.TimeoutExpired):
                pass
        self.clear_tmp()

    def clear_tmp(self):
        """Ends the clusters that a test has left behind, and removes its files."""
        for pid_file in glob.glob(os.path.join(self.tmp, '*', 'data', 'postmaster.pid')):
            subprocess.run(['bash', '-c', '. scripts/lib.sh; stop_cluster "$1"', 'bash',
                            os.path.dirname(os.path.dirname(pid_file))], cwd=self.tree, env=self.environment)
        for path in glob.glob(os.path.join(self.tmp, '*')):
            shutil.rmtree(path, ignore_errors=True)

    def with_library(self, script, limited=False):
        """Runs a script that may use the functions of scripts/lib.sh; $cluster and $stage are those of the workshop."""
        start = f'. scripts/lib.sh; cluster={self.cluster} stage={self.stage}; '
        return self.run(['bash', '-c', start + script], 120, limited)

    def tail_of_log(self):
        with open(self.log, errors='replace') as log:
            return ''.join(log.readlines()[-15:])

    def insist(self, status, what):
        if status != 0:
            raise Broken(f'{what} fails in {self.folder}:\n{self.tail_of_log()}')

    # Preparation -----------------------------------------------------------------------------------------------------

    def prepare(self):
        """Brings copy, objects, stage and cluster up to date with the tree."""
        self.make_folders()
        if self.copy_tree():
            self.forget_durations()
        self.insist(self.build_server(), 'the build')
        self.insist(self.run(['cmake', '-S', self.tree, '-B', self.core, '-DPB_WERROR=', '-DPB_SEPARATE=ON',
                              f'-DPB_CORE_OBJECTS={self.tree}/src/core'], BUILD_SECONDS), 'cmake')
        # A unit test that does not build here is found when it is run.
        self.run(['cmake', '--build', self.core, f'-j{self.processors}', '--', '--keep-going'], 4 * BUILD_SECONDS)
        self.make_cluster()

    def make_folders(self):
        for path in (self.folder, self.tree, self.tmp):
            os.makedirs(path, exist_ok=True)
            os.chmod(path, 0o755)
        # The tests' clusters run as another user when root runs the tests.
        os.chmod(self.tmp, 0o1777)

    def copy_builds(self, other):
        """Takes over what another workshop has built, which is faster than to build it again."""
        for name in ('tree', 'core', 'stage', 'files'):
            subprocess.run(['cp', '-a', os.path.join(other.folder, name), self.folder], check=True)
        # The build of the unit tests knows its folders by their names. Its files keep their times.
        for path in glob.glob(os.path.join(self.core, '**', '*'), recursive=True):
            if os.path.isfile(path):
                replace_in_file(path, other.folder.encode() + b'/', self.folder.encode() + b'/')

    def copy_tree(self):
        """Copies the files that differ; whether any did."""
        command = ['git', 'ls-files', '-z', '--cached', '--others', '--exclude-standard']
        listed = subprocess.run(command, cwd=self.root, stdout=subprocess.PIPE, check=True).stdout.decode().split('\0')
        wanted = {name for name in listed if name and os.path.isfile(os.path.join(self.root, name))}
        changed = sum([self.copy_file(name) for name in sorted(wanted) if matters(name)])
        record = os.path.join(self.folder, 'files')
        if os.path.exists(record):
            with open(record) as names:
                for name in set(names.read().split('\n')) - wanted - {''}:
                    if os.path.exists(os.path.join(self.tree, name)):
                        os.remove(os.path.join(self.tree, name))
                        changed += 1
        with open(record, 'w') as names:
            names.write('\n'.join(sorted(wanted)))
        return changed > 0

    def copy_file(self, name):
        source, target = os.path.join(self.root, name), os.path.join(self.tree, name)
        if os.path.exists(target):
            with open(source, 'rb') as a, open(target, 'rb') as b:
                if a.read() == b.read():
                    return False
            # Its time is now, so that what was made of the mutant is made again.
            shutil.copy(source, target)
        else:
            os.makedirs(os.path.dirname(target), exist_ok=True)
            shutil.copy2(source, target)
        return True

    def make_cluster(self):
        """A cluster that never ran is kept, to begin again with."""
        if not os.path.isdir(os.path.join(self.cluster, 'clean')):
            script = ('mkdir -p $cluster; chmod 755 $cluster; start_cluster $cluster $stage; '
                      'as_server "$PB_BIN/pg_ctl" -D $cluster/data -m fast -w stop >/dev/null; '
                      'cp -a $cluster/data $cluster/clean')
            self.insist(self.with_library(script), 'the start of a cluster')

    def reset_cluster(self):
        """A new server on a new cluster, whatever the last test did to the old one."""
        script = ('stop_cluster $cluster; rm -rf $cluster/data $cluster/server.log; '
                  'cp -a $cluster/clean $cluster/data; restart_cluster $cluster')
        return self.with_library(script, limited=True)

    def close(self):
        self.stopped = False
        self.with_library('stop_cluster $cluster')
        self.clear_tmp()

    # Building --------------------------------------------------------------------------------------------------------

    def build_core(self):
        return self.run(['make', '-s', f'-j{self.processors}', 'core'], BUILD_SECONDS)

    def build_server(self):
        script = f'make -s -j{self.processors} all && make -s install DESTDIR={self.stage}'
        return self.run(['bash', '-c', script], BUILD_SECONDS)

    def installs(self):
        """Whether the install script has no error."""
        return self.run(['psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-c',
                         'BEGIN; CREATE EXTENSION portfolio_batch; ROLLBACK'], 120) == 0

    def write(self, file, text):
        """The new time of the file has make build again what depends on it."""
        with open(os.path.join(self.tree, file), 'w') as out:
            out.write(text)

    def read(self, file):
        with open(os.path.join(self.tree, file)) as source:
            return source.read()

    # Tests -----------------------------------------------------------------------------------------------------------

    def command(self, test):
        return {
            'core': [os.path.join(self.core, test.name), '--gtest_fail_fast', '--gtest_brief=1'],
            'regress': ['make', '-s', 'installcheck', 'REGRESS=' + test.name, 'ISOLATION='],
            'isolation': ['make', '-s', 'installcheck', 'REGRESS=', 'ISOLATION=' + test.name],
            'pgtap': ['pg_prove', '--ext', '.sql', 'test/pgtap/' + test.name],
            'tap': ['prove', 'test/tap/' + test.name],
        }[test.kind]

    def passes(self, test, seconds):
        """True, False, or None when the test took longer than it may."""
        if test.kind == 'core':
            # A test that does not compile any more has noticed the mutant: it states something as a constant.
            if self.run(['cmake', '--build', self.core, '--target', test.name], BUILD_SECONDS) != 0:
                return False
        limited = not test.name.startswith(('110_', '120_'))
        status = self.run(self.command(test), seconds, limited)
        if test.kind == 'tap':
            self.clear_tmp()
        return None if status is None else status == 0

    def time_limit(self, test):
        return 5 * self.durations[test] + (20 if test.kind == 'core' else 60)

    def durations_file(self):
        """One for all workshops, whose trees are the same."""
        return os.path.join(os.path.dirname(self.folder), 'durations')

    def load_durations(self):
        if os.path.exists(self.durations_file()):
            with open(self.durations_file()) as source:
                self.durations = {Test(*name.split('/', 1)): seconds for name, seconds in json.load(source).items()}

    def save_durations(self):
        with open(self.durations_file(), 'w') as out:
            json.dump({'/'.join(test): seconds for test, seconds in self.durations.items()}, out, indent=1)

    def forget_durations(self):
        self.durations = {}
        if os.path.exists(self.durations_file()):
            os.remove(self.durations_file())

    def measure(self, test):
        """Runs a test on the tree as it is; how long it took, or None when it failed twice: it notices everything."""
        for _ in range(2):
            start = time.monotonic()
            if self.passes(test, 1800):
                return round(time.monotonic() - start, 2)
            shutil.copy(self.log, os.path.join(self.folder, f'failed.{test.name}'))
        return None
