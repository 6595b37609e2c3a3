package diagnose

func databaseCases() []aCase { return nil }
func imageCases() []aCase    { return nil }
func createCases() []aCase   { return nil }
func scheduleCases() []aCase { return nil }
func crashCases() []aCase    { return nil }
func argoCases() []aCase     { return nil }
