//! What every adapter is tested with: the conformance suite, scripted resources, attackers, a manual clock, kill points.
