// The theme's 1.4 MB of icons as JavaScript, left out: it brings the same icons as a font.
