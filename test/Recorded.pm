# A harness of prove that also writes each result to the file PB_RESULTS: "ok", "not ok" or "skipped", a tab, and the
# name of the test or the reason. scripts/test counts them.
#   PERL5LIB=test PB_RESULTS=file prove --harness Recorded …
package Recorded;
use strict;
use warnings;
use parent 'TAP::Harness';

sub make_parser {
  my ($self, $job) = @_;
  my ($parser, $session) = $self->SUPER::make_parser($job);
  my ($program) = $job->filename =~ m{([^/]*)$};
  $parser->callback(test => sub {
    my ($test) = @_;
    my $name = $test->description =~ s/^- //r;
    open my $file, '>>', $ENV{PB_RESULTS} or die "$ENV{PB_RESULTS}: $!\n";
    print $file $test->has_skip ? "skipped\t$program: " . $test->explanation
      : ($test->is_ok ? 'ok' : 'not ok') . "\t$program: $name", "\n";
  });
  return ($parser, $session);
}

1;
